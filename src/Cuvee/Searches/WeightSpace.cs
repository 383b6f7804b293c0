namespace Cuvee.Searches;

/// <summary>The paper's beta in [-1.5, 1.5]^N (sign-aware scaling, arXiv 2509.12951); keep fractions stay as they are.</summary>
/// <param name="lowest">Smallest weight; 0 for an ablation without negative ones.</param>
public sealed class WeightSpace(WeightedRecipe origin, double lowest = -WeightSpace.Limit) : AdapterSpace(origin, lowest, Limit)
{
    /// <summary>Largest weight either way.</summary>
    public const double Limit = 1.5;

    public override bool BoundsAreLimits(int coordinate) => true;

    private protected override AdapterShare With(AdapterShare share, double value) => share with { Weight = value };

    private protected override double Coordinate(AdapterShare share) => share.Weight;
}
