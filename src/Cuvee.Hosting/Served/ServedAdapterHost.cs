using System.Text.Json.Nodes;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.Served;
using Cuvee.Merging;

namespace Cuvee.Hosting.Served;

/// <summary>Serves recipes from a <c>cuvee serve</c>, which gets the recipe's document with every request.</summary>
/// <param name="rules">How the run writes its texts.</param>
public sealed class ServedAdapterHost(
    JsonService service, ServedDescription server, IReadOnlyList<string> names, TextRules rules, int candidates) : IAdapterHost
{
    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];

    public IReadOnlyList<string> AdapterNames => names;

    public IReadOnlySet<MergeSpace> MergeSpaces => BothSpaces;

    public int MaxConcurrentLeases => candidates;

    public ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IModelLease>(new UnheldLease(new ServedModel(
            service, server.Model, JsonNode.Parse(RecipeJson.Serialize(recipe))!, rules, server.ContextLength)));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
