using System.Security.Cryptography;
using Cuvee.Inference;
using Cuvee.Merging;

namespace Cuvee.Server.Engine;

/// <summary>A recipe that fits the pool, and the name under which requests for it meet.</summary>
/// <param name="Uploaded">The base with an adapter that a caller brought, asked in place of the recipe; null for the pool's.</param>
internal sealed record ServedRecipe(MergeRecipe Recipe, string Key, EmbeddedModel? Uploaded = null)
{
    public static ServedRecipe Of(MergeRecipe recipe) =>
        new(recipe, Convert.ToHexStringLower(SHA256.HashData(RecipeJson.Serialize(recipe))));
}
