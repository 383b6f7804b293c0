using System.Security.Cryptography;
using Cuvee.Merging;

namespace Cuvee.Server.Engine;

/// <summary>A recipe that fits the pool, and the name under which requests for it meet.</summary>
internal sealed record ServedRecipe(MergeRecipe Recipe, string Key)
{
    public static ServedRecipe Of(MergeRecipe recipe) =>
        new(recipe, Convert.ToHexStringLower(SHA256.HashData(RecipeJson.Serialize(recipe))));
}
