namespace Cuvee.Lab.Data;

/// <summary>What is known of a data set besides its records.</summary>
/// <param name="Directory">The folder that holds train.jsonl and test.jsonl.</param>
/// <param name="Source">Where the records come from; empty when no manifest names it.</param>
/// <param name="Licence">As stated at the source; "not stated" when no manifest names it.</param>
/// <param name="Types">Entity, relation or event types, or labels; empty when no manifest lists them.</param>
public sealed record DataSetDescription(
    string Name, DataSetKind Kind, string Directory, string Source, string Licence, IReadOnlyList<string> Types);
