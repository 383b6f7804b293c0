using System.Text.Json.Nodes;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Microsoft.Extensions.AI;

namespace Cuvee.Hosting.Text;

/// <summary>How a text endpoint is told which recipe to answer by.</summary>
public interface IRecipeChoice
{
    /// <summary>Makes the recipe servable and says what requests must carry to reach it.</summary>
    Task<ChatOptions> ChooseAsync(MergeRecipe recipe, CancellationToken cancellationToken);

    /// <summary>The recipe will not be asked again.</summary>
    /// <exception cref="LanguageModelException">It cannot be released.</exception>
    Task ReleaseAsync(ChatOptions choice);
}

/// <summary>The recipe's document travels in a field of every request.</summary>
/// <param name="model">Name of the served model; null where the endpoint has one only.</param>
public sealed class RecipeField(string field, string? model) : IRecipeChoice
{
    public Task<ChatOptions> ChooseAsync(MergeRecipe recipe, CancellationToken cancellationToken) => Task.FromResult(new ChatOptions
    {
        ModelId = model,
        AdditionalProperties = new AdditionalPropertiesDictionary { [field] = JsonNode.Parse(RecipeJson.Serialize(recipe)) },
    });

    public Task ReleaseAsync(ChatOptions choice) => Task.CompletedTask;
}
