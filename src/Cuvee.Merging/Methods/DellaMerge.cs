namespace Cuvee.Merging.Methods;

/// <summary>
/// Drop, elect and fuse by sampling on magnitude: in every row of a task vector the keep probability rises linearly with the rank of the
/// magnitude, from density - epsilon to density + epsilon (MagPrune); kept entries are divided by it, then vote (<see
/// cref="SignElection"/>). Where density +- epsilon leaves [0, 1], epsilon counts only as far as it fits, so that the mean keep probability
/// is the density and a density of 1 keeps everything (mergekit refuses such values).
/// </summary>
public sealed class DellaMerge : IMergeMethod
{
    public string Name => "della";

    public string Reference => "Deep et al., arXiv 2406.11617";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
    [
        new("density", 1, 0, 1, "Mean probability with which an entry of a task vector is kept."),
        new("epsilon", 0.15, 0, 0.5, "How far the probability of a row's largest entry lies above the density, its smallest one's below."),
        MergeParameter.Lambda,
    ];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [MergeParameter.Weight];

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var (density, lambda, weights) = (arguments["density"], arguments["lambda"], arguments.OfAdapters("weight"));
        var epsilon = Math.Min(arguments["epsilon"], Math.Min(density, 1 - density));
        var everything = new float[weights.Length]; // thresholds: what was dropped is zero already
        return (taskVectors, merged) =>
        {
            var kept = new ReadOnlyMemory<float>[weights.Length];
            for (var i = 0; i < kept.Length; i++)
                kept[i] = density == 1 ? taskVectors.Deltas[i] : Drop(taskVectors, i, arguments, density, epsilon);
            SignElection.Merge(kept, everything, weights, lambda, merged);
        };
    }

    // One number is drawn for each entry, row by row, whatever the density and epsilon.
    private static float[] Drop(TaskVectors taskVectors, int adapter, MergeArguments arguments, double density, double epsilon)
    {
        var columns = taskVectors.InFeatures;
        var source = taskVectors.Deltas[adapter].Span;
        var kept = new float[source.Length];
        var random = arguments.RandomFor(taskVectors.ModuleName, adapter);
        var order = new ulong[columns]; // magnitude's bits, then column: equal magnitudes rank in the order of their columns
        var probabilities = new double[columns];
        for (var start = 0; start < source.Length; start += columns)
        {
            var row = source.Slice(start, columns);
            for (var j = 0; j < columns; j++)
                order[j] = ((ulong)BitConverter.SingleToUInt32Bits(Math.Abs(row[j])) << 32) | (uint)j;
            Array.Sort(order);
            for (var rank = 0; rank < columns; rank++)
            {
                var ramp = columns > 1 ? (2.0 * rank / (columns - 1)) - 1 : 0; // -1 for the smallest, 1 for the largest
                probabilities[(int)(uint)order[rank]] = density + (epsilon * ramp);
            }

            for (var j = 0; j < columns; j++)
                kept[start + j] = random.NextDouble() < probabilities[j] ? (float)(row[j] / probabilities[j]) : 0;
        }

        return kept;
    }
}
