using System.Text.Json.Nodes;

namespace Cuvee.Searches;

/// <summary>A number, name or list that a search reads from <c>settings:</c>; declared, so that files, help and identity need no code of
/// their own.</summary>
/// <param name="Name">As users write it, such as <c>probe_records</c>.</param>
/// <param name="Summary">One sentence for people.</param>
public abstract record SearchSetting(string Name, string Summary)
{
    /// <summary>Part of the validation records kept out of every common sample; 0 switches early stopping off.</summary>
    public const string HeldOut = "held_out";

    /// <summary>What a search with early stopping declares: <c>held_out</c>, <c>check_every</c>, <c>patience</c>.</summary>
    public static IReadOnlyList<SearchSetting> EarlyStopping { get; } =
    [
        new NumberSetting(HeldOut, "Part of the validation records kept for early stopping; 0 switches it off.", 0, 0.5),
        new NumberSetting("check_every", "Iterations from one held-out check to the next.", 1, 1000, IsWhole: true),
        new NumberSetting("patience", "Checks in a row without gain that end a stage.", 1, 10_000, IsWhole: true),
    ];
}

/// <param name="IsWhole">Whole numbers only.</param>
public sealed record NumberSetting(string Name, string Summary, double Minimum, double Maximum, bool IsWhole = false)
    : SearchSetting(Name, Summary);

/// <summary>One of some names.</summary>
public sealed record ChoiceSetting(string Name, string Summary, IReadOnlyList<string> Choices) : SearchSetting(Name, Summary);

/// <summary>One adapter of the pool, or whole model; that it exists is the search's to check.</summary>
public sealed record AdapterSetting(string Name, string Summary) : SearchSetting(Name, Summary);

/// <summary>A list of some of the names, each at most once, at least one.</summary>
public sealed record ListSetting(string Name, string Summary, IReadOnlyList<string> Choices) : SearchSetting(Name, Summary);

/// <summary>A list of numbers, each at most once, at least one.</summary>
public sealed record NumberListSetting(string Name, string Summary, double Minimum, double Maximum) : SearchSetting(Name, Summary);

/// <summary>Named values for every setting of a search that has a default there; a file's own keys override them one by one.</summary>
/// <param name="Space">Where the file names none.</param>
public sealed record SearchPreset(string Name, MergeSpace Space, SettingValues Values);

/// <summary>Values by setting name, in ordinal order; what is missing is left to the search. Immutable.</summary>
public sealed class SettingValues
{
    private readonly SortedDictionary<string, object> values = new(StringComparer.Ordinal);

    public SettingValues(params IEnumerable<(string Name, object Value)> values)
    {
        foreach (var (name, value) in values)
        {
            this.values[name] = value switch
            {
                int whole => (double)whole,
                double or string => value,
                IEnumerable<string> names => (IReadOnlyList<string>)[.. names],
                IEnumerable<double> numbers => (IReadOnlyList<double>)[.. numbers],
                _ => throw new ArgumentException($"A setting is a number, a name or a list of either, not {value}."),
            };
        }
    }

    public IEnumerable<string> Names => values.Keys;

    public IEnumerable<(string Name, object Value)> All => values.Select(pair => (pair.Key, pair.Value));

    public SettingValues With(params IEnumerable<(string Name, object Value)> others) =>
        new([.. All, .. others]);

    public SettingValues Without(string name) => new(values.Where(pair => pair.Key != name).Select(pair => (pair.Key, pair.Value)));

    public double? Number(string name) => values.TryGetValue(name, out var value) ? (double)value : null;

    public int? Integer(string name) => (int?)Number(name);

    public string? Text(string name) => values.TryGetValue(name, out var value) ? (string)value : null;

    public IReadOnlyList<string>? List(string name) => values.TryGetValue(name, out var value) ? (IReadOnlyList<string>)value : null;

    public IReadOnlyList<double>? Numbers(string name) => values.TryGetValue(name, out var value) ? (IReadOnlyList<double>)value : null;

    /// <summary>For the run's identity and the manifest.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach (var (name, value) in values)
        {
            json[name] = value switch
            {
                double number => number,
                string text => text,
                IReadOnlyList<double> numbers => new JsonArray([.. numbers.Select(item => (JsonNode)item)]),
                _ => new JsonArray([.. ((IReadOnlyList<string>)value).Select(item => (JsonNode)item)]),
            };
        }

        return json;
    }
}
