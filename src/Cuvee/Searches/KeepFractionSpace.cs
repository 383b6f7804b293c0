namespace Cuvee.Searches;

/// <summary>The paper's alpha in [0, 1]^N (sparsity-based denoising, arXiv 2509.12951); weights stay as they are.</summary>
/// <param name="levels">The only keep fractions that can be realised, each coordinate taking the nearest; null: all.</param>
public sealed class KeepFractionSpace(WeightedRecipe origin, IReadOnlyList<double>? levels = null) : AdapterSpace(origin, 0, 1)
{
    public override bool BoundsAreLimits(int coordinate) => false;

    private protected override AdapterShare With(AdapterShare share, double value) =>
        share with { KeepFraction = levels?.MinBy(level => Math.Abs(level - value)) ?? value };

    private protected override double Coordinate(AdapterShare share) => share.KeepFraction;
}
