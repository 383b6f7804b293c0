using Cuvee.Formats.Json;

namespace Cuvee.Merging;

/// <summary>The documents of <see cref="RecipeJson"/>, told apart by their keys.</summary>
internal static class RecipeReader
{
    public static MergeRecipe Read(JsonField root)
    {
        try
        {
            if (root.Has("method") && root.Has("space"))
                throw root.Error("space", "belongs to weighted adapters; leave it or 'method' out");
            MergeRecipe recipe = root.Has("path") ? ReadPath(root) : root.Has("method") ? ReadMethod(root) : ReadWeighted(root);
            RecipeChecks.ThrowIfMalformed(recipe);
            return recipe;
        }
        catch (ArgumentException exception)
        {
            throw root.Error($"is not a recipe ({exception.Message.TrimEnd('.')}); correct it", exception);
        }
    }

    private static WeightedRecipe ReadWeighted(JsonField root)
    {
        root.RequireOnly("space", "pruned", "adapters");
        var space = root["space"];
        return new WeightedRecipe(
            (space.IsText ? space.Text() : "") switch
            {
                "factors" => MergeSpace.Factors,
                "delta" => MergeSpace.Delta,
                _ => throw space.Error($"is {space.Shown}; it must be \"factors\" or \"delta\""),
            },
            [.. root["adapters"].Items().Select(ReadShare)])
        {
            Pruned = root.Find("pruned") is not { } pruned ? PrunedFactor.LoraA : (pruned.IsText ? pruned.Text() : "") switch
            {
                "a" => PrunedFactor.LoraA,
                "b" => PrunedFactor.LoraB,
                "both" => PrunedFactor.Both,
                _ => throw pruned.Error($"is {pruned.Shown}; it must be \"a\", \"b\" or \"both\""),
            },
        };
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

    private static PathRecipe ReadPath(JsonField root)
    {
        root.RequireOnly("first", "path", "merged");
        return new PathRecipe(
            root.Find("first")?.Text(), [.. root["path"].Items().Select(ReadStep)],
            root.Find("merged") is { } merged ? Read(merged) : null);
    }

    private static RecipeStep ReadStep(JsonField step)
    {
        step.RequireOnly("model", "layer", "scale");
        return new RecipeStep(step.Find("model")?.Text(), step["layer"].Integer(0), step.Find("scale")?.Number() ?? 1);
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
            [.. root["adapters"].Items().Select(ReadParameters)],
            root.Has("seed") ? root["seed"].Unsigned() : 0);
    }

    private static AdapterParameters ReadParameters(JsonField adapter)
    {
        var (numbers, groups) = (new Dictionary<string, double>(), new Dictionary<string, GroupValues>());
        foreach (var (name, field) in adapter.Members().Where(member => member.Key != "name"))
        {
            var (others, values) = Groups(field, others: double.NaN);
            if (!double.IsNaN(others)) numbers.Add(name, others);
            if (values.Count > 0) groups.Add(name, values);
        }

        return new AdapterParameters(Name(adapter), numbers) { GroupParameters = groups };
    }

    private static string Name(JsonField adapter) => adapter["name"] is var name && name.Text() is { Length: > 0 } text
        ? text
        : throw name.Error("is empty; give the name of an adapter");

    private static Dictionary<string, double> Numbers(JsonField group) => group.Members()
        .ToDictionary(member => member.Key, member => member.Value.Number(), StringComparer.Ordinal);
}
