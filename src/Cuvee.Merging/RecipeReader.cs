using System.Text.Json;

namespace Cuvee.Merging;

/// <summary>The documents of <see cref="RecipeJson"/>, told apart by their keys.</summary>
/// <param name="source">Name of the text in errors.</param>
internal sealed class RecipeReader(string source)
{
    public MergeRecipe Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object) throw Error("the recipe must be a JSON object.");
        try
        {
            if (root.TryGetProperty("method", out _))
            {
                if (root.TryGetProperty("space", out _)) throw Error("'space' belongs to weighted adapters; leave it or 'method' out.");
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
            throw Error(exception.Message, exception);
        }
    }

    private WeightedRecipe ReadWeighted(JsonElement root)
    {
        var fields = Fields(root, "the recipe", ["space", "adapters"], ["space", "adapters"]);
        var space = fields["space"] is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
        return new WeightedRecipe(
            space switch
            {
                "factors" => MergeSpace.Factors,
                "delta" => MergeSpace.Delta,
                _ => throw Error("'space' must be \"factors\" or \"delta\"."),
            },
            [.. Elements(fields["adapters"], "{\"name\", \"weight\"}")
                .Select((element, index) => ReadShare(element, $"adapters[{index}]"))]);
    }

    private AdapterShare ReadShare(JsonElement element, string where)
    {
        var fields = Fields(element, where, ["name", "keep_fraction", "weight"], ["name", "weight"]);
        var name = Text(fields["name"], $"{where}.name", "the name of an adapter");
        var (weight, groupWeights) = Groups(fields["weight"], $"{where}.weight", others: 0);
        var (keepFraction, groupKeepFractions) = fields.TryGetValue("keep_fraction", out var keep)
            ? Groups(keep, $"{where}.keep_fraction", others: 1)
            : (1, GroupValues.None);
        return new AdapterShare(name, weight, keepFraction) { GroupWeights = groupWeights, GroupKeepFractions = groupKeepFractions };
    }

    // A number, or numbers per group; others is the value of modules in no group where the object does not say.
    private (double Others, GroupValues Groups) Groups(JsonElement element, string where, double others)
    {
        if (element.ValueKind != JsonValueKind.Object)
            return (Number(element, where, "a finite number or an object of numbers per group of modules"), GroupValues.None);
        var values = Numbers(element, where);
        if (values.Remove(GroupValues.Default, out var given)) others = given;
        return (
            others,
            values.Count == 0 ? GroupValues.None : new GroupValues(values.Select(pair => new GroupValue(pair.Key, pair.Value))));
    }

    private MethodRecipe ReadMethod(JsonElement root)
    {
        var fields = Fields(root, "the recipe", ["method", "parameters", "adapters", "seed"], ["method"]);
        var method = Text(fields["method"], "method", "the name of a merge method");
        if (!fields.TryGetValue("adapters", out var adapters))
            throw Error(
                $"key 'adapters' is missing in the recipe; list the adapters that method {method} merges, others do not take part.");
        ulong seed = 0;
        if (fields.TryGetValue("seed", out var given) && (given.ValueKind != JsonValueKind.Number || !given.TryGetUInt64(out seed)))
            throw Error($"'seed' must be a whole number from 0 to {ulong.MaxValue}.");
        return new MethodRecipe(
            method,
            fields.TryGetValue("parameters", out var parameters) ? Numbers(parameters, "parameters") : [],
            [.. Elements(adapters, "{\"name\"}").Select((element, index) => ReadAdapter(element, $"adapters[{index}]"))],
            seed);
    }

    private AdapterParameters ReadAdapter(JsonElement element, string where)
    {
        var fields = Fields(element, where, null, ["name"]);
        fields.Remove("name", out var name);
        return new AdapterParameters(
            Text(name, $"{where}.name", "the name of an adapter"),
            fields.ToDictionary(field => field.Key, field => Number(field.Value, $"{where}.{field.Key}"), StringComparer.Ordinal));
    }

    private Dictionary<string, double> Numbers(JsonElement element, string where) => Fields(element, $"'{where}'", null, [])
        .ToDictionary(field => field.Key, field => Number(field.Value, $"{where}.{field.Key}"), StringComparer.Ordinal);

    private JsonElement.ArrayEnumerator Elements(JsonElement adapters, string element) => adapters.ValueKind == JsonValueKind.Array
        ? adapters.EnumerateArray()
        : throw Error($"'adapters' must be an array of {element} objects.");

    private string Text(JsonElement element, string where, string what) =>
        element.ValueKind == JsonValueKind.String && element.GetString() is { Length: > 0 } text
            ? text
            : throw Error($"'{where}' must be {what}.");

    private double Number(JsonElement element, string where, string what = "a finite number") =>
        element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var value) && double.IsFinite(value)
            ? value
            : throw Error($"'{where}' must be {what}.");

    /// <param name="known">Null where any key may stand.</param>
    private Dictionary<string, JsonElement> Fields(
        JsonElement element, string where, IReadOnlyList<string>? known, IReadOnlyList<string> required)
    {
        if (element.ValueKind != JsonValueKind.Object) throw Error($"{where} must be a JSON object.");
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            if (known?.Contains(property.Name) == false)
                throw Error($"unknown key '{property.Name}' in {where}; known keys are {string.Join(", ", known)}.");
            if (!fields.TryAdd(property.Name, property.Value)) throw Error($"key '{property.Name}' appears twice in {where}; keep one.");
        }

        foreach (var name in required)
        {
            if (!fields.ContainsKey(name)) throw Error($"key '{name}' is missing in {where}.");
        }

        return fields;
    }

    private RecipeFormatException Error(string message, Exception? inner = null) => new($"{source}: {message}", inner);
}
