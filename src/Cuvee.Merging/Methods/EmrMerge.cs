namespace Cuvee.Merging.Methods;

/// <summary>
/// Elect, without mask and rescale: per entry the sign of the weighted sum wins, and the largest magnitude that agrees with it is the
/// result, times lambda. This is EMR-Merging's unified task vector and no more. Its masks and rescalers give back one model for each task
/// that was merged; for a target that was not among them there is no mask, so that the unified vector is all there is to use.
/// </summary>
public sealed class EmrMerge : IMergeMethod
{
    public string Name => "emr";

    public string Reference => "Huang et al., arXiv 2405.17461 (the unified task vector alone)";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [MergeParameter.Lambda with { Summary = "Scale of the unified task vector, the only part of EMR that an unseen target can use." }];

    public IReadOnlyList<MergeParameter> AdapterParameters { get; } = [MergeParameter.Weight];

    public bool AllowsPieces => true;

    public ModuleMerge Prepare(IEnumerable<TaskVectors> pool, MergeArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var (lambda, weights) = (arguments["lambda"], arguments.OfAdapters("weight"));
        return (taskVectors, merged) =>
        {
            var elected = new double[merged.Length];
            for (var i = 0; i < weights.Length; i++)
            {
                var vector = taskVectors.Deltas[i].Span;
                for (var j = 0; j < elected.Length; j++) elected[j] += weights[i] * vector[j];
            }

            var largest = new double[merged.Length]; // signed
            for (var i = 0; i < weights.Length; i++)
            {
                var vector = taskVectors.Deltas[i].Span;
                for (var j = 0; j < largest.Length; j++)
                {
                    var entry = weights[i] * vector[j];
                    if (entry * elected[j] > 0 && Math.Abs(entry) > Math.Abs(largest[j])) largest[j] = entry;
                }
            }

            for (var j = 0; j < merged.Length; j++) merged[j] = (float)(lambda * largest[j]);
        };
    }
}
