namespace Cuvee.Merging.Methods;

/// <summary>Drop and rescale (arXiv 2311.03099): an entry stays with probability density and is divided by it.</summary>
internal static class RandomDrop
{
    /// <summary>The same numbers are drawn whatever the density: an entry that a density keeps, a larger one keeps too.</summary>
    /// <param name="adapter">Position of the task vector.</param>
    /// <param name="kept">Overwritten; the task vector's length.</param>
    /// <param name="rescales">Whether what stays is divided by the density.</param>
    public static void Apply(
        TaskVectors taskVectors, int adapter, MergeArguments arguments, double density, Span<float> kept, bool rescales = true)
    {
        var source = taskVectors.Deltas[adapter].Span;
        if (density == 1)
        {
            source.CopyTo(kept);
            return;
        }

        var random = arguments.RandomFor(taskVectors.ModuleName, adapter);
        var divisor = rescales ? density : 1;
        for (var i = 0; i < kept.Length; i++) kept[i] = random.NextDouble() < density ? (float)(source[i] / divisor) : 0;
    }
}
