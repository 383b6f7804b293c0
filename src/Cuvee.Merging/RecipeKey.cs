using System.Security.Cryptography;

namespace Cuvee.Merging;

/// <summary>A short name of what a recipe makes.</summary>
public static class RecipeKey
{
    private const int Bytes = 12;

    /// <summary>The recipe's bytes, shortened; adapters without weight are left out, so that one model has one key.</summary>
    /// <returns>24 hexadecimal digits.</returns>
    public static string Of(MergeRecipe recipe)
    {
        var bare = recipe is WeightedRecipe weighted
            ? weighted with { Adapters = [.. weighted.Adapters.Where(share => share.Weight != 0 || share.GroupWeights.Count > 0)] }
            : recipe;
        return Convert.ToHexStringLower(SHA256.HashData(RecipeJson.Serialize(bare)).AsSpan(0, Bytes));
    }
}
