namespace Cuvee.Numerics;

/// <summary>
/// Rows of a <see cref="StoredMatrix"/> to one panel [columns, width] of <see cref="PackedMatrix"/>, widened on the way.
/// </summary>
internal static unsafe class StoredPanelPacking
{
    private const int Lanes = 4; // rows transposed at a time
    private const int Depth = 128; // columns at a time, whole Q8_0 blocks: [Depth, 32] of the panel is 16 KiB and stays in L1

    /// <param name="lanes">Rows packed; lanes up to <paramref name="width"/> become zero.</param>
    /// <param name="panel">[columns, width]</param>
    public static void Pack(StoredMatrix weight, int firstRow, int lanes, float* panel, int width)
    {
        var widened = stackalloc float[Lanes * Depth];
        for (int p = 0, depth; p < weight.Columns; p += depth, panel += depth * width)
        {
            depth = Math.Min(Depth, weight.Columns - p);
            var source = weight.Data + (firstRow * weight.RowBytes) + weight.Format.RowBytes(p);
            for (int lane = 0, count; lane < lanes; lane += count)
            {
                count = Math.Min(Lanes, lanes - lane);
                for (var i = 0; i < count; i++, source += weight.RowBytes)
                    weight.Format.Widen(source, new Span<float>(widened + (i * Depth), depth));
                PanelPacking.CopyLanes(widened, Depth, count, depth, panel + lane, width);
            }

            PanelPacking.ClearLanes(lanes, depth, panel, width);
        }

        GC.KeepAlive(weight);
    }
}
