using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Lab.References;

/// <summary>How far pruning one factor of an adapter or both moves its update: what stands behind the choice of arXiv 2509.12951 to prune
/// LoraA.</summary>
/// <param name="KeepFraction">Of each pruned tensor.</param>
/// <param name="Errors">[adapters], ||S(B A) - B A|| / ||B A|| over all modules, Frobenius.</param>
internal sealed record PruningError(PrunedFactor Pruned, double KeepFraction, IReadOnlyList<double> Errors)
{
    public static IReadOnlyList<double> KeepFractions { get; } = [0.9, 0.7, 0.5, 0.3, 0.1];

    public static IEnumerable<PruningError> Measure(AdapterPool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        var merger = new RecipeMerger(pool);
        foreach (var pruned in Enum.GetValues<PrunedFactor>())
        {
            foreach (var keep in KeepFractions)
            {
                yield return new PruningError(
                    pruned, keep, [.. pool.Adapters.Select(adapter => Of(merger, adapter.Name, pruned, keep))]);
            }
        }
    }

    private static double Of(RecipeMerger merger, string adapter, PrunedFactor pruned, double keep)
    {
        var (whole, cut) = (Resolve(merger, adapter, pruned, 1), Resolve(merger, adapter, pruned, keep));
        var (error, norm) = (0.0, 0.0);
        foreach (var module in merger.ModuleNames)
        {
            var (outFeatures, inFeatures) = merger.ShapeOf(module);
            var (full, part) = (new float[outFeatures * inFeatures], new float[outFeatures * inFeatures]);
            merger.AddTo(whole, module, full);
            merger.AddTo(cut, module, part);
            norm += FloatVectors.Dot(full, full);
            FloatVectors.AddScaled(-1, full, part);
            error += FloatVectors.Dot(part, part);
        }

        return Math.Sqrt(error / norm);
    }

    private static ResolvedRecipe Resolve(RecipeMerger merger, string adapter, PrunedFactor pruned, double keep) =>
        merger.Resolve(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare(adapter, 1, keep)]) { Pruned = pruned });
}
