using Cuvee.Formats;
using Cuvee.Formats.Json;

namespace Cuvee.Lab.Data;

/// <summary>
/// All data sets under one folder: <c>ner|re|event|classify/&lt;name&gt;/{train,test}.jsonl</c>, described by MANIFEST.json where there is
/// one. Reads everything at once (tens of megabytes). Same files and seed, same splits.
/// </summary>
public sealed class DataSetCatalog
{
    private static readonly JsonDocumentKind ManifestKind = new("a manifest of data sets", MaxBytes: 64 << 20, MaxDepth: 16, "correct it");

    private readonly Dictionary<string, DataSet> byName;

    private DataSetCatalog(IReadOnlyList<DataSet> dataSets)
    {
        DataSets = dataSets;
        byName = dataSets.ToDictionary(d => d.Name, StringComparer.Ordinal);
    }

    /// <summary>In the order of kind, then name.</summary>
    public IReadOnlyList<DataSet> DataSets { get; }

    public DataSet this[string name] => byName.TryGetValue(name, out var dataSet)
        ? dataSet
        : throw new BadInputException($"There is no data set \"{name}\"; known are {string.Join(", ", byName.Keys)}.");

    /// <exception cref="BadInputException">No data set there, or one that cannot be read.</exception>
    public static DataSetCatalog Open(string root, ulong seed = ValidationReserve.DefaultSeed)
    {
        var manifest = ReadManifest(root);
        var descriptions = new List<DataSetDescription>();
        foreach (var kind in Enum.GetValues<DataSetKind>())
        {
            var folder = Path.Combine(root, kind.ToString().ToLowerInvariant());
            if (!Directory.Exists(folder)) continue;
            foreach (var directory in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
                descriptions.Add(Describe(directory, kind, manifest));
        }

        if (descriptions.Count == 0)
            throw new BadInputException($"{root}: no data set here; expected folders such as ner/<name> with train.jsonl and test.jsonl.");
        return Build(descriptions, seed);
    }

    /// <summary>
    /// One data set by its own folder, such as <c>ner/mit_restaurant</c>. When that folder belongs to a catalog (MANIFEST.json two folders
    /// up), the training split is the catalog's: without the texts that other data sets reserve.
    /// </summary>
    public static DataSet OpenDataSet(string directory, ulong seed = ValidationReserve.DefaultSeed)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        if (!Directory.Exists(full)) throw new BadInputException($"{directory}: the folder does not exist.");
        var kindFolder = Path.GetDirectoryName(full);
        if (!Enum.TryParse<DataSetKind>(Path.GetFileName(kindFolder), ignoreCase: true, out var kind) || !Enum.IsDefined(kind))
        {
            throw new BadInputException(
                $"{directory}: what it annotates is not known; a data set's folder lies in one named ner, re, event or classify.");
        }

        var root = Path.GetDirectoryName(kindFolder);
        if (root is not null && File.Exists(ManifestPath(root))) return Open(root, seed)[Path.GetFileName(full)];
        return Build([Describe(full, kind, [])], seed).DataSets[0];
    }

    /// <summary>
    /// Every training text once (compared by <see cref="TextFingerprint"/>), in the order of <see cref="DataSets"/>.
    /// </summary>
    public IEnumerable<string> PlainTexts()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var record in DataSets.SelectMany(d => d.Records(Split.Train)))
        {
            if (seen.Add(TextFingerprint.Of(record.Text))) yield return record.Text;
        }
    }

    private static DataSetCatalog Build(List<DataSetDescription> descriptions, ulong seed)
    {
        var repeated = descriptions.GroupBy(d => d.Name).FirstOrDefault(g => g.Count() > 1);
        if (repeated is not null)
            throw new BadInputException(
                $"Two data sets are named \"{repeated.Key}\" ({string.Join(", ", repeated.Select(d => d.Directory))}); rename one.");

        var trains = descriptions.ConvertAll(d => DataRecordReader.Read(Path.Combine(d.Directory, "train.jsonl"), d.Kind));
        var fingerprints = trains.ConvertAll(t => t.Select(r => TextFingerprint.Of(r.Text)).ToArray());
        var chosen = fingerprints.ConvertAll(f => ValidationReserve.Choose(f, seed));
        var reserved = new HashSet<string>(StringComparer.Ordinal);
        for (var d = 0; d < chosen.Count; d++) reserved.UnionWith(chosen[d].Select(i => fingerprints[d][i]));

        // A text of any test split is trained on nowhere, whichever data set it stands in.
        var tests = descriptions.ConvertAll(d => DataRecordReader.Read(Path.Combine(d.Directory, "test.jsonl"), d.Kind));
        var withheld = tests.SelectMany(test => test).Select(r => TextFingerprint.Of(r.Text)).ToHashSet(StringComparer.Ordinal);
        withheld.UnionWith(reserved);

        var dataSets = new List<DataSet>(descriptions.Count);
        for (var d = 0; d < descriptions.Count; d++)
        {
            var train = trains[d].Where((_, i) => !withheld.Contains(fingerprints[d][i])).ToArray();
            var validation = chosen[d].Select(i => trains[d][i]).ToArray();
            dataSets.Add(new DataSet(descriptions[d], train, validation, tests[d], trains[d].Count - train.Length - validation.Length));
        }

        return new DataSetCatalog(dataSets);
    }

    private static DataSetDescription Describe(
        string directory, DataSetKind kind, Dictionary<string, (string Source, string Licence, string[] Types)> manifest)
    {
        var name = Path.GetFileName(directory);
        return manifest.TryGetValue(name, out var entry)
            ? new DataSetDescription(name, kind, directory, entry.Source, entry.Licence, entry.Types)
            : new DataSetDescription(name, kind, directory, "", "not stated", []);
    }

    private static Dictionary<string, (string Source, string Licence, string[] Types)> ReadManifest(string root)
    {
        if (!Directory.Exists(root)) throw new BadInputException($"{root}: the folder does not exist.");
        var path = ManifestPath(root);
        if (!File.Exists(path)) return [];
        using var file = JsonFile.Read(path, ManifestKind);
        var entries = new Dictionary<string, (string, string, string[])>(StringComparer.Ordinal);
        foreach (var entry in file.Root["datasets"].Items())
        {
            var name = entry["name"].Text();
            var licence = entry.Find("licence")?.Text() is { Length: > 0 } stated ? stated : "not stated";
            string[] types = [.. entry.Find("types")?.Items().Select(type => type.Text()) ?? []];
            if (!entries.TryAdd(name, (entry.Find("source")?.Text() ?? "", licence, types)))
                throw entry.Error("name", $"is '{name}', which stands twice; keep one");
        }

        return entries;
    }

    private static string ManifestPath(string root) => Path.Combine(root, "MANIFEST.json");
}
