using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging.Materialization;

/// <summary>
/// The best approximation of bounded rank in the Frobenius norm (Eckart and Young), from the factors alone: with LoraB = Q_b R_b and LoraA'
/// = Q_a R_a the update is Q_b (R_b R_a') Q_a', and the singular values of the small core are its own. All in double. Thread-safe.
/// </summary>
internal static class RankReduction
{
    /// <param name="rank">At least 1; a module that needs no more comes back as it is.</param>
    /// <returns>The module with scaling 1, singular values shared evenly between its factors, and what was left out.</returns>
    public static (LoraModule Module, ModuleReduction Reduction) Reduce(LoraModule module, int rank)
    {
        var (outFeatures, inFeatures, exact) = (module.OutFeatures, module.InFeatures, module.Rank);
        var b = Array.ConvertAll(module.LoraB.ToSingles(), x => (double)x * module.Scaling); // [out, exact]
        var aTransposed = Transpose(module.LoraA.ToSingles(), exact, inFeatures); // [in, exact]
        var (qb, rb) = ThinQr.Decompose(b, outFeatures, exact); // [out, m], [m, exact]
        var (qa, ra) = ThinQr.Decompose(aTransposed, inFeatures, exact); // [in, n], [n, exact]
        var (m, n) = (Math.Min(outFeatures, exact), Math.Min(inFeatures, exact));
        var core = MultiplyByTransposed(rb, ra, m, n, exact); // [m, n]
        var energy = DoubleVectors.SumOfSquares(core);
        if (exact <= rank) return (module, new ModuleReduction(module.Name, exact, exact, energy, 0));
        var (u, s, vt) = ThinSvd.Decompose(core, m, n);
        var kept = Math.Min(rank, s.Length);
        for (var k = 0; k < kept; k++)
        {
            var root = Math.Sqrt(s[k]);
            for (var i = 0; i < m; i++) u[(i * s.Length) + k] *= root;
            DoubleVectors.Scale(root, vt.AsSpan(k * n, n));
        }

        var loraB = MultiplyByTransposed(qb, Columns(u, m, s.Length, kept), outFeatures, kept, m); // [out, kept]
        var loraA = MultiplyByTransposed(vt, qa, kept, inFeatures, n); // [kept, in]
        var reduced = new LoraModule(
            module.Name, inFeatures, outFeatures, kept, Array.ConvertAll(loraA, x => (float)x), Array.ConvertAll(loraB, x => (float)x), 1);
        return (reduced, new ModuleReduction(module.Name, exact, kept, energy, DoubleVectors.SumOfSquares(s.AsSpan(kept))));
    }

    // [rows, columns] = x [rows, length] * y [columns, length]'
    private static double[] MultiplyByTransposed(double[] x, double[] y, int rows, int columns, int length)
    {
        var product = new double[rows * columns];
        for (var i = 0; i < rows; i++)
        {
            var row = x.AsSpan(i * length, length);
            for (var j = 0; j < columns; j++) product[(i * columns) + j] = DoubleVectors.Dot(row, y.AsSpan(j * length, length));
        }

        return product;
    }

    // First columns of source [rows, width], transposed: [kept, rows]
    private static double[] Columns(double[] source, int rows, int width, int kept)
    {
        var columns = new double[kept * rows];
        for (var k = 0; k < kept; k++)
        {
            for (var i = 0; i < rows; i++) columns[(k * rows) + i] = source[(i * width) + k];
        }

        return columns;
    }

    private static double[] Transpose(float[] source, int rows, int columns)
    {
        var transposed = new double[columns * rows];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++) transposed[(j * rows) + i] = source[(i * columns) + j];
        }

        return transposed;
    }
}
