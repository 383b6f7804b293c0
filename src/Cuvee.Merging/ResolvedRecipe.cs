namespace Cuvee.Merging;

/// <summary>
/// A validated recipe in terms of one pool: weights and keep fractions by pool position, so that a candidate pays for names once and sums
/// in pool order whatever the order of the recipe. Made by <see cref="RecipeMerger.Resolve"/>; immutable and thread-safe.
/// </summary>
public sealed class ResolvedRecipe
{
    private readonly double[] weights; // [adapters]
    private readonly double[] keepFractions; // [adapters]

    internal ResolvedRecipe(MergeSpace space, double[] weights, double[] keepFractions) =>
        (Space, this.weights, this.keepFractions) = (space, weights, keepFractions);

    public MergeSpace Space { get; }

    /// <summary>No adapter takes part: the base model.</summary>
    public bool IsBaseModel => Array.TrueForAll(weights, weight => weight == 0);

    internal double Weight(int adapter) => weights[adapter];

    internal double KeepFraction(int adapter) => keepFractions[adapter];
}
