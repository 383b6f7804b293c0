namespace Cuvee.Numerics;

/// <summary>Reflector H = I - tau v v^T with H x = (beta, 0, ...)^T (Golub and Van Loan, section 5.1).</summary>
internal static class Householder
{
    /// <summary>Turns <paramref name="x"/> into v with v[0] = 1; tau = 0 where x is already of that form.</summary>
    public static (double Tau, double Beta) Reflect(Span<double> x)
    {
        var head = x[0];
        var largest = 0.0;
        for (var i = 1; i < x.Length; i++) largest = Math.Max(largest, Math.Abs(x[i]));
        if (largest == 0)
        {
            x[0] = 1;
            return (0, head);
        }

        // Scaled by the largest element, so that no square over- or underflows.
        largest = Math.Max(largest, Math.Abs(head));
        var squares = 0.0;
        foreach (var value in x) squares += value / largest * (value / largest);
        var beta = -Math.CopySign(largest * Math.Sqrt(squares), head);
        var pivot = head - beta;
        for (var i = 1; i < x.Length; i++) x[i] /= pivot;
        x[0] = 1;
        return ((beta - head) / beta, beta);
    }
}
