namespace Cuvee.Configuration;

/// <param name="Path">Folder with one PEFT adapter per sub-folder.</param>
/// <param name="Exclude">Names of adapters to leave out.</param>
public sealed record PoolSelection(string Path, IReadOnlyList<string> Exclude);
