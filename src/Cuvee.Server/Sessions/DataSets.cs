using System.Text;
using System.Text.Json;
using Cuvee.Formats;

namespace Cuvee.Server.Sessions;

/// <summary>
/// The record files of one folder by their names without extension; each is also a preset, over all adapters of the pool. Names are looked
/// up in the listing, so that no text of a caller becomes a path.
/// </summary>
internal sealed class DataSets
{
    private static readonly string[] Extensions = [".jsonl", ".json"];

    private readonly SortedDictionary<string, string> paths = new(StringComparer.Ordinal);

    /// <exception cref="BadInputException">No such folder, no data set in it, or one name twice.</exception>
    public DataSets(string folder)
    {
        Folder = Path.GetFullPath(folder);
        if (!Directory.Exists(Folder)) throw new BadInputException($"--data: {folder} is no folder; name the one with the record files.");
        foreach (var path in Directory.GetFiles(Folder).Where(path => Extensions.Contains(Path.GetExtension(path))))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            if (!paths.TryAdd(name, path)) throw new BadInputException($"{path}: a second data set '{name}'; rename one of the two.");
        }

        if (paths.Count == 0)
            throw new BadInputException($"--data: {folder} holds no .jsonl or .json file; put the data sets there, one file each.");
    }

    public string Folder { get; }

    /// <summary>In ordinal order.</summary>
    public IReadOnlyCollection<string> Names => paths.Keys;

    /// <exception cref="ServiceException">No such data set.</exception>
    public string PathOf(string name) => paths.TryGetValue(name, out var path)
        ? path
        : throw ServiceException.NotFound($"There is no data set '{name}'; GET /v1/presets lists those that there are.");

    /// <summary>Writes the first records of a data set, as they stand.</summary>
    /// <param name="most">Null: all.</param>
    /// <exception cref="BadInputException">A list of records is no JSON.</exception>
    public void Copy(string name, string target, int? most)
    {
        var bytes = File.ReadAllBytes(PathOf(name));
        if (most is { } count)
        {
            var text = Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF');
            bytes = Encoding.UTF8.GetBytes(text.AsSpan().TrimStart() is ['[', ..]
                ? FirstOfList(name, text, count)
                : string.Join('\n', text.Split('\n').Where(line => !string.IsNullOrWhiteSpace(line)).Take(count)));
        }

        AtomicFile.WriteAllBytes(target, bytes);
    }

    private static string FirstOfList(string name, string text, int count)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return $"[{string.Join(",\n", document.RootElement.EnumerateArray().Take(count).Select(record => record.GetRawText()))}]";
        }
        catch (JsonException exception)
        {
            throw new BadInputException($"Data set '{name}' is not valid JSON; its owner must mend it.", exception);
        }
    }
}
