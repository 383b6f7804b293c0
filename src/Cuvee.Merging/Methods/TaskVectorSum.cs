using Cuvee.Merging.Sparsification;

namespace Cuvee.Merging.Methods;

internal static class TaskVectorSum
{
    /// <summary>merged = scale * (d_1 + d_2 + ...), summed in the order given.</summary>
    public static void Scaled(IReadOnlyList<ReadOnlyMemory<float>> deltas, double scale, Span<float> merged)
    {
        merged.Clear();
        foreach (var delta in deltas) MaskedKernels.AddScaledKept(delta.Span, 0, (float)scale, merged);
    }
}
