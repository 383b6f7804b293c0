using Cuvee.Merging.Sparsification;

namespace Cuvee.Merging.Methods;

/// <summary>
/// What mergekit calls generalised task arithmetic: task vectors are thinned, weighted and summed, where <paramref name="elects"/> only
/// those entries that agree with the sign of their sum; then lambda. An entry whose sum is zero counts as positive; <c>normalize</c>
/// divides by the sum of the (signed) weights that took part.
/// </summary>
/// <remarks>
/// The thinning is measured over all that <see cref="Prepare"/> sees, which is one tensor for a checkpoint. <see cref="TiesMerge"/> and its
/// like are the papers' own: a mean by |weight|, a threshold that ties pass together.
/// </remarks>
internal sealed class ThinnedTaskArithmetic(string name, string reference, Thinning thinning, bool elects, bool normalizes, bool rescales)
    : IMergeMethod
{
    public string Name => name;

    public string Reference => reference;

    public IReadOnlyList<MergeParameter> Parameters { get; } =
    [
        Choice("normalize", normalizes, "Whether sums are divided by the sum of the weights that took part: 1 for yes, 0 for no."),
        Choice(
            "rescale", rescales,
            "Whether thinned vectors are scaled up: random drops by the probability, others to their sum of magnitudes; 1 yes, 0 no."),
        new("lambda", 1, -1000, 1000, "Scale of the merged task vector."),
    ];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } =
    [
        MergeParameter.AnyWeight,
        new("density", 1, 0, 1, "Fraction of the model's task vector that is kept."),
        .. thinning switch
        {
            Thinning.Tails => [new MergeParameter("gamma", 0.01, 0, 1, "Fraction of entries, the largest, that is dropped.")],
            Thinning.RankedDrop =>
                [new MergeParameter("epsilon", 0.15, 0, 0.5, "How far a row's keep probabilities lie around the density.")],
            _ => (MergeParameter[])[],
        },
    ];

    public bool AllowsPieces => true;

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var thin = Thin(pool, arguments);
        var (lambda, weights) = (arguments["lambda"], arguments.OfAdapters("weight"));
        var divides = arguments["normalize"] == 1;
        return (taskVectors, merged) =>
        {
            var kept = new float[weights.Length][];
            for (var i = 0; i < kept.Length; i++) thin(taskVectors, i, kept[i] = new float[merged.Length]);
            if (elects) Elect(kept, weights, lambda, divides, merged);
            else Sum(kept, weights, divides ? lambda / Divisor(weights.Sum()) : lambda, merged);
        };
    }

    private Action<TaskVectors, int, float[]> Thin(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        var densities = arguments.OfAdapters("density");
        var rescale = arguments["rescale"] == 1;
        if (thinning == Thinning.None || densities.All(density => density == 1))
            return (piece, i, kept) => piece.Deltas[i].CopyTo(kept);
        switch (thinning)
        {
            case Thinning.Drop:
                return (piece, i, kept) => RandomDrop.Apply(piece, i, arguments, densities[i], kept, rescale);
            case Thinning.RankedDrop:
                var epsilons = arguments.OfAdapters("epsilon");
                return (piece, i, kept) => RankedDrop.Apply(piece, i, arguments, densities[i], epsilons[i], kept, rescale);
            default:
                var gammas = thinning == Thinning.Tails ? arguments.OfAdapters("gamma") : new double[densities.Length];
                var window = RankWindow.Measure(pool, densities.Length, (i, length) => Ranks(length, densities[i], gammas[i]));
                return (piece, i, kept) => window.Apply(piece, i, rescale, kept);
        }
    }

    // Counts are cut, not rounded; where density and gamma ask for more than there is, fewer of the largest go.
    private static (long First, long Last) Ranks(long length, double density, double gamma)
    {
        var kept = (long)(density * length);
        var largest = Math.Min((long)(gamma * length), length - kept);
        return (largest + 1, largest + kept);
    }

    private static void Sum(float[][] vectors, double[] weights, double scale, Span<float> merged)
    {
        for (var j = 0; j < merged.Length; j++)
        {
            var sum = 0.0;
            for (var i = 0; i < vectors.Length; i++) sum += weights[i] * vectors[i][j];
            merged[j] = (float)(scale * sum);
        }
    }

    private static void Elect(float[][] vectors, double[] weights, double lambda, bool divides, Span<float> merged)
    {
        for (var j = 0; j < merged.Length; j++)
        {
            var sum = 0.0;
            for (var i = 0; i < vectors.Length; i++) sum += weights[i] * vectors[i][j];
            var (agreeing, agreeingWeight) = (0.0, 0.0);
            for (var i = 0; i < vectors.Length; i++)
            {
                var entry = weights[i] * vectors[i][j];
                if (entry == 0 || entry > 0 != sum >= 0) continue;
                agreeing += entry;
                agreeingWeight += weights[i];
            }

            merged[j] = (float)(lambda * (divides ? agreeing / Divisor(agreeingWeight) : agreeing));
        }
    }

    private static double Divisor(double weights) => Math.Abs(weights) < 1e-8 ? 1 : weights;

    private static MergeParameter Choice(string name, bool standard, string summary) =>
        new(name, standard ? 1 : 0, 0, 1, summary, Integral: true);
}

/// <summary>Which entries of a task vector stay.</summary>
internal enum Thinning
{
    /// <summary>All.</summary>
    None,

    /// <summary>The largest magnitudes.</summary>
    Smallest,

    /// <summary>The largest magnitudes after the outliers.</summary>
    Tails,

    /// <summary>Any, at random.</summary>
    Drop,

    /// <summary>At random, larger magnitudes of a row rather than smaller ones.</summary>
    RankedDrop,
}
