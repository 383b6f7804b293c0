using Cuvee.Configuration;

namespace Cuvee.Mergekit;

/// <summary>
/// One <c>parameters:</c> of a mergekit configuration. A value is a number, a gradient (numbers at equal distances over the layers of a
/// slice, between them a line) or a list of such values with filters, of which the first counts whose text the tensor's name holds.
/// </summary>
public sealed class MergekitParameters
{
    private readonly Dictionary<string, IReadOnlyList<(string? Filter, IReadOnlyList<double> Values)>> settings = [];

    public static MergekitParameters None { get; } = new();

    /// <param name="owner">What may have <c>parameters</c>.</param>
    /// <param name="names">All that may be set there; <c>int8_mask</c>, which saves mergekit memory, is read and means nothing.</param>
    public static MergekitParameters Read(YamlMapping owner, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(owner);
        if (owner.Mapping("parameters") is not { } mapping) return None;
        var parameters = new MergekitParameters();
        foreach (var name in names)
        {
            if (mapping.IsListOfMappings(name)) parameters.settings.Add(name, [.. mapping.Mappings(name)!.Select(Case)]);
            else if (mapping.NumberOrNumbers(name) is { } values) parameters.settings.Add(name, [(null, values)]);
        }

        mapping.NumberOrNumbers("int8_mask");
        mapping.ThrowIfUnknownKeys();
        return parameters;
    }

    /// <summary>The value for a tensor; null where nothing is said of it.</summary>
    /// <param name="depth">Of the tensor's layer in its slice: 0 the first, 1 the last.</param>
    public double? At(string name, string tensor, double depth)
    {
        foreach (var (filter, values) in settings.GetValueOrDefault(name) ?? [])
        {
            if (filter is not null && !tensor.Contains(filter, StringComparison.Ordinal)) continue;
            var place = depth * (values.Count - 1);
            var before = (int)place;
            var share = place - before;
            return ((1 - share) * values[before]) + (share * values[Math.Min(before + 1, values.Count - 1)]);
        }

        return null;
    }

    /// <summary>Whether any value changes over the layers.</summary>
    public bool HasGradients => settings.Values.Any(cases => cases.Any(each => each.Values.Count > 1));

    private static (string? Filter, IReadOnlyList<double> Values) Case(YamlMapping mapping)
    {
        var filter = mapping.Text("filter");
        var values = mapping.NumberOrNumbers("value")
            ?? throw mapping.Error("value", "a parameter with a filter has no 'value'; add it.");
        mapping.ThrowIfUnknownKeys();
        return (filter == "*" ? null : filter, values);
    }
}
