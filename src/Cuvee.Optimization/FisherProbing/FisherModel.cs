
namespace Cuvee.Optimization.FisherProbing;

/// <summary>
/// Local quadratic model of the mean log-likelihood: the gradient g of the last round and the empirical Fisher matrix F = J'J / T as a
/// bias-corrected moving average over rounds. Averaging gradients too, carried to the present point by F, was measured and is slower: far
/// from the optimum F is several times the true curvature.
/// </summary>
internal sealed class FisherModel(int dimension, double memory)
{
    private readonly double[] fisher = new double[dimension * dimension]; // moving average of F, [n, n], both triangles
    private readonly double[] gradient = new double[dimension]; // g, ascent direction of the mean log-likelihood, [n]
    private double mass; // 1 - memory^rounds, the bias correction

    /// <summary>False before the first round and where the gradient vanishes.</summary>
    public bool HasDirection => gradient.Any(value => value != 0);

    /// <param name="jacobian">Forward differences of log p(token), [tokens][n]; without rows the model keeps what it has.</param>
    /// <param name="steps">
    /// Signed difference steps h_i, [n], to take the bias of one-sided differences out of g; null leaves it in. The mean difference is
    /// g_i - h_i / 2 H_ii to first order, and H equals the scores' variance F_ii - g_i^2 at the optimum of a model that fits (information
    /// identity). Without that every weight ends about h / 2 too low, however many rounds are run.
    /// </param>
    /// <param name="overestimate">
    /// By how much F exceeds the true curvature, at least 1; the step factor that line searches settled on.
    /// </param>
    public void Add(IReadOnlyList<double[]> jacobian, double[]? steps, double overestimate)
    {
        if (jacobian.Count == 0) return;
        var n = dimension;
        Array.Clear(gradient);
        for (var k = 0; k < n * n; k++) fisher[k] *= memory;
        mass = (memory * mass) + 1 - memory;
        var share = 1.0 / jacobian.Count;
        var squares = new double[n]; // F_ii of this round
        foreach (var row in jacobian)
        {
            for (var i = 0; i < n; i++)
            {
                gradient[i] += share * row[i];
                var scaled = (1 - memory) * share * row[i];
                var target = fisher.AsSpan(i * n, n);
                for (var j = 0; j < n; j++) target[j] += scaled * row[j];
                squares[i] += share * row[i] * row[i];
            }
        }

        if (steps is null) return;
        for (var i = 0; i < n; i++) gradient[i] += 0.5 * steps[i] * (squares[i] - (gradient[i] * gradient[i])) / overestimate;
    }

    /// <summary>
    /// d = (F + mu tr(F) / n I)^-1 g over the free coordinates: one that sits on its bound and would be pushed outside is held there, so
    /// that
    /// the others do not count on its move. [n]
    /// </summary>
    public double[] Step(ReadOnlySpan<double> point, double damping, BoxBounds bounds)
    {
        var n = dimension;
        var held = new bool[n];
        while (true)
        {
            var step = Solve(damping, held);
            var newlyHeld = false;
            for (var i = 0; i < n; i++)
            {
                var outward = (step[i] > 0 && point[i] >= bounds.Upper[i]) || (step[i] < 0 && point[i] <= bounds.Lower[i]);
                if (!outward || held[i]) continue;
                held[i] = newlyHeld = true;
            }

            if (!newlyHeld) return step;
        }
    }

    private double[] Solve(double damping, bool[] held)
    {
        var n = dimension;
        double trace = 0;
        for (var i = 0; i < n; i++) trace += fisher[(i * n) + i];
        var ridge = damping * trace / mass / n;
        var step = new double[n];
        if (!(trace > 0)) return step;
        while (true)
        {
            var system = new double[n * n]; // F + ridge I, rows and columns of held coordinates those of the identity
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++) system[(i * n) + j] = held[i] || held[j] ? 0 : fisher[(i * n) + j] / mass;
                system[(i * n) + i] = held[i] ? 1 : system[(i * n) + i] + ridge;
                step[i] = held[i] ? 0 : gradient[i];
            }

            if (CholeskySolver.TrySolve(system, step)) return step;
            ridge *= 10; // F is singular to rounding: damp until it is not
        }
    }
}
