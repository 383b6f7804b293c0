using System.Text.Json;

namespace Cuvee.Lab.Tests.Data;

/// <summary>A made-up folder of data sets, deleted at the end.</summary>
internal sealed class DataSetFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("cuvee-lab").FullName;

    public string Add(string kind, string name, IEnumerable<string> train, IEnumerable<string> test)
    {
        var folder = Path.Combine(Root, kind, name);
        Directory.CreateDirectory(folder);
        File.WriteAllLines(Path.Combine(folder, "train.jsonl"), train);
        File.WriteAllLines(Path.Combine(folder, "test.jsonl"), test);
        return folder;
    }

    public void AddManifest(params string[] names) => File.WriteAllText(
        Path.Combine(Root, "MANIFEST.json"),
        JsonSerializer.Serialize(
            new
            {
                datasets = names.Select(n => new { name = n, licence = "CC0 1.0", source = "invented", types = new[] { "a" } }),
            }));

    public static IEnumerable<string> Labelled(string prefix, int count) =>
        Enumerable.Range(0, count).Select(i => $$"""{"text": "{{prefix}} {{i}}", "label": "x"}""");

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
