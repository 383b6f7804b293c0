namespace Cuvee.Searches;

/// <summary>The paper's alpha in [0, 1]^N (sparsity-based denoising, arXiv 2509.12951); weights stay as they are.</summary>
public sealed class KeepFractionSpace(WeightedRecipe origin) : AdapterSpace(origin, 0, 1)
{
    public override bool BoundsAreLimits => false;

    private protected override AdapterShare With(AdapterShare share, double value) => share with { KeepFraction = value };

    private protected override double Coordinate(AdapterShare share) => share.KeepFraction;
}
