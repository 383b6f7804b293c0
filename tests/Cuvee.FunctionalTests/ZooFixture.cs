using System.Text.Json.Nodes;

namespace Cuvee.FunctionalTests;

/// <summary>A tiny zoo that tests only read, with a recipe in each space.</summary>
public sealed class ZooFixture : IDisposable
{
    public ZooFixture()
    {
        foreach (var space in (string[])["factors", "delta"])
        {
            File.WriteAllText(Recipe(space), $$"""
                {"space": "{{space}}", "adapters": [
                  {"name": "adapter-a", "weight": 0.8, "keep_fraction": 0.7},
                  {"name": "adapter-c", "weight": -0.4}]}
                """);
        }
    }

    internal TinyZoo Zoo { get; } = new();

    public string Model => Zoo.ModelFolder;

    public string Pool => Zoo.PoolFolder;

    public string Data => Path.Combine(Zoo.Folder, "validation.jsonl");

    public string Recipe(string space) => Path.Combine(Zoo.Folder, space + ".json");

    /// <summary>A path that no test has used yet.</summary>
    public string NewPath() => Path.Combine(Zoo.Folder, Guid.NewGuid().ToString("N"));

    public void Dispose() => Zoo.Dispose();

    internal async Task<double[]> ScoreAsync(string model, params string[] selection)
    {
        var run = await CuveeRun.InProcessAsync(["score", "--model", model, .. selection, "--data", Data, "--json"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        return [.. run.Json.SkipLast(1).Select(line => line["logprob"]!.GetValue<double>())];
    }

    /// <summary>The project's notion of equal models: 1e-4 * max(1, |v|) on every record's log-probability.</summary>
    internal static void AssertEqual(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-4 * Math.Max(1, Math.Abs(expected[i])));
    }

    internal static string[] Keys(JsonNode node) => [.. node.AsObject().Select(pair => pair.Key)];
}
