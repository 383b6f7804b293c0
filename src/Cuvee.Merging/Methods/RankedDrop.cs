namespace Cuvee.Merging.Methods;

/// <summary>
/// MagPrune (arXiv 2406.11617): in every row the probability that an entry stays rises linearly with the rank of its magnitude, from
/// density - epsilon to density + epsilon; what stays is divided by it. Epsilon counts only as far as both stay in [0, 1].
/// </summary>
internal static class RankedDrop
{
    /// <summary>One number is drawn for each entry, row by row, whatever the density and epsilon.</summary>
    /// <param name="adapter">Position of the task vector.</param>
    /// <param name="kept">Overwritten; the task vector's length.</param>
    /// <param name="rescales">Whether what stays is divided by its probability.</param>
    public static void Apply(
        TaskVectors taskVectors, int adapter, MergeArguments arguments, double density, double epsilon, Span<float> kept,
        bool rescales = true)
    {
        var columns = taskVectors.InFeatures;
        var source = taskVectors.Deltas[adapter].Span;
        if (density == 1)
        {
            source.CopyTo(kept);
            return;
        }

        var spread = Math.Min(epsilon, Math.Min(density, 1 - density));
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
                probabilities[(int)(uint)order[rank]] = density + (spread * ramp);
            }

            for (var j = 0; j < columns; j++)
            {
                var stays = random.NextDouble() < probabilities[j];
                kept[start + j] = stays ? (float)(rescales ? row[j] / probabilities[j] : row[j]) : 0;
            }
        }
    }
}
