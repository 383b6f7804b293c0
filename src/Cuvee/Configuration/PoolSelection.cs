namespace Cuvee.Configuration;

/// <summary>The adapters that take part: in a folder, or by name where only the provider has them.</summary>
/// <param name="Path">Folder with one adapter per sub-folder; null where <paramref name="Names"/> are given.</param>
/// <param name="Exclude">Names of adapters to leave out.</param>
/// <param name="Names">As the provider knows them; null where a folder is given.</param>
/// <param name="AllowDifferentBases">Adapters may name base models that do not look like copies of one.</param>
public sealed record PoolSelection(
    string? Path, IReadOnlyList<string> Exclude, IReadOnlyList<string>? Names = null, bool AllowDifferentBases = false)
{
    internal static PoolSelection Read(YamlMapping mapping, Func<string, string> resolve)
    {
        var (path, names) = (mapping.Text("path"), mapping.Texts("names"));
        var pool = new PoolSelection(path is null ? null : resolve(path), mapping.Texts("exclude") ?? [], names,
            mapping.Boolean("allow_different_bases") ?? false);
        mapping.ThrowIfUnknownKeys();
        if (path is null == names is null)
            throw mapping.Error("path", "'pool' needs either path, the folder of the adapters, or names, a list of names.");
        if (names is not null && names.Distinct(StringComparer.Ordinal).Count() != names.Count)
            throw mapping.Error("names", "'pool.names' names an adapter twice; keep one.");
        return pool;
    }
}
