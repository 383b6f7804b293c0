using System.Collections;
using System.Runtime.CompilerServices;

namespace Cuvee.Merging;

/// <summary>
/// Numbers for groups of modules. A group is a module's full name (<c>model.layers.3.self_attn.q_proj</c>), a layer (<c>layers.3</c>) or a
/// kind of module (<c>q_proj</c>). Where several groups hold a module, the most specific wins: module, then layer, then kind. Kept in
/// ordinal order of group; immutable, compared by value.
/// </summary>
[CollectionBuilder(typeof(GroupValues), nameof(Create))]
public sealed class GroupValues : IReadOnlyList<GroupValue>, IEquatable<GroupValues>
{
    /// <summary>The key under which recipe.json gives the value of all other modules.</summary>
    internal const string Default = "default";

    private readonly GroupValue[] values; // ordinal order of group

    public GroupValues(IEnumerable<GroupValue> values) => this.values = [.. values.OrderBy(value => value.Group, StringComparer.Ordinal)];

    public static GroupValues None { get; } = new([]);

    public int Count => values.Length;

    public GroupValue this[int index] => values[index];

    public static GroupValues Create(ReadOnlySpan<GroupValue> values) => values.IsEmpty ? None : new(values.ToArray());

    public IEnumerator<GroupValue> GetEnumerator() => ((IEnumerable<GroupValue>)values).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public bool Equals(GroupValues? other) => other is not null && values.AsSpan().SequenceEqual(other.values);

    public override bool Equals(object? obj) => Equals(obj as GroupValues);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var value in values) hash.Add(value);
        return hash.ToHashCode();
    }

    /// <summary>The value of the most specific group that holds the module, else <paramref name="others"/>.</summary>
    internal double For(ModuleGroups module, double others) => values.Length == 0 ? others : For(module) ?? others;

    /// <summary>The value of the most specific group that holds the module; null: none does.</summary>
    internal double? For(ModuleGroups module) =>
        Find(module.Name) ?? (module.Layer is { } layer ? Find(layer) : null) ?? Find(module.Kind);

    private double? Find(string group)
    {
        var (low, high) = (0, values.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = string.CompareOrdinal(values[middle].Group, group);
            if (order == 0) return values[middle].Value;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return null;
    }
}

/// <param name="Group">Module, layer or kind of module.</param>
public readonly record struct GroupValue(string Group, double Value);

/// <summary>The groups that hold one module.</summary>
/// <param name="Layer">The first part of the name that is a number, with the part before it (<c>layers.3</c>); null without one.</param>
/// <param name="Kind">The last part of the name.</param>
internal sealed record ModuleGroups(string Name, string? Layer, string Kind)
{
    /// <summary>Every group that holds one of the modules.</summary>
    public static IReadOnlySet<string> NamesOf(IEnumerable<ModuleGroups> modules) =>
        modules.SelectMany(module => (string[])[module.Name, module.Layer ?? module.Kind, module.Kind]).ToHashSet(StringComparer.Ordinal);

    public static ModuleGroups Of(string moduleName)
    {
        var parts = moduleName.Split('.');
        var number = Array.FindIndex(parts, part => part.Length > 0 && part.All(char.IsAsciiDigit));
        return new ModuleGroups(moduleName, number > 0 ? $"{parts[number - 1]}.{parts[number]}" : null, parts[^1]);
    }
}
