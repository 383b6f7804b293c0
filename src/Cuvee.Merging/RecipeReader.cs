using Cuvee.Formats.Json;

namespace Cuvee.Merging;

/// <summary>The documents of <see cref="RecipeJson"/>, told apart by their keys.</summary>
internal static class RecipeReader
{
    public static MergeRecipe Read(JsonField root)
    {
        try
        {
            if (root.Has("method"))
            {
                if (root.Has("space")) throw root.Error("space", "belongs to weighted adapters; leave it or 'method' out");
                var method = ReadMethod(root);
                RecipeChecks.ThrowIfMalformed(method);
                return method;
            }

            var weighted = ReadWeighted(root);
            RecipeChecks.ThrowIfMalformed(weighted);
            return weighted;
        }
        catch (ArgumentException exception)
        {
            throw root.Error($"is not a recipe ({exception.Message.TrimEnd('.')}); correct it", exception);
        }
    }

    private static WeightedRecipe ReadWeighted(JsonField root)
    {
        root.RequireOnly("space", "adapters");
        var space = root["space"];
        return new WeightedRecipe(
            (space.IsText ? space.Text() : "") switch
            {
                "factors" => MergeSpace.Factors,
                "delta" => MergeSpace.Delta,
                _ => throw space.Error($"is {space.Shown}; it must be \"factors\" or \"delta\""),
            },
            [.. root["adapters"].Items().Select(ReadShare)]);
    }

    private static AdapterShare ReadShare(JsonField share)
    {
        share.RequireOnly("name", "keep_fraction", "weight");
        var (weight, groupWeights) = Groups(share["weight"], others: 0);
        var (keepFraction, groupKeepFractions) =
            share.Has("keep_fraction") ? Groups(share["keep_fraction"], others: 1) : (1, GroupValues.None);
        return new AdapterShare(Name(share), weight, keepFraction) { GroupWeights = groupWeights, GroupKeepFractions = groupKeepFractions };
    }

    // A number, or numbers per group; others is the value of modules in no group where the object does not say.
    private static (double Others, GroupValues Groups) Groups(JsonField field, double others)
    {
        if (!field.IsObject) return (field.Number(), GroupValues.None);
        var values = Numbers(field);
        if (values.Remove(GroupValues.Default, out var given)) others = given;
        return (
            others,
            values.Count == 0 ? GroupValues.None : new GroupValues(values.Select(pair => new GroupValue(pair.Key, pair.Value))));
    }

    private static MethodRecipe ReadMethod(JsonField root)
    {
        root.RequireOnly("method", "parameters", "adapters", "seed");
        var method = root["method"].Text();
        if (!root.Has("adapters"))
            throw root.Error("adapters", $"is missing; list the adapters that method {method} merges, others do not take part");
        return new MethodRecipe(
            method,
            root.Has("parameters") ? Numbers(root["parameters"]) : [],
            [.. root["adapters"].Items().Select(adapter => new AdapterParameters(Name(adapter), Numbers(adapter, except: "name")))],
            root.Has("seed") ? root["seed"].Unsigned() : 0);
    }

    private static string Name(JsonField adapter) => adapter["name"] is var name && name.Text() is { Length: > 0 } text
        ? text
        : throw name.Error("is empty; give the name of an adapter");

    private static Dictionary<string, double> Numbers(JsonField group, string? except = null) => group.Members()
        .Where(member => member.Key != except)
        .ToDictionary(member => member.Key, member => member.Value.Number(), StringComparer.Ordinal);
}
