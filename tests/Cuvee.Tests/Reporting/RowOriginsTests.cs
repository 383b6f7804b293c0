using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Reporting;
using Cuvee.Runs;

namespace Cuvee.Tests.Reporting;

public sealed class RowOriginsTests : IDisposable
{
    private const string Main = "fisher-probing (delta)";
    private const string Beside = "evo-merging (delta)";

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-origins-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void RequireSame_SeedsOfOneRunFileAndRunsOfEarlierVersions_Pass() => RowOrigins.RequireSame(
    [
        Run("one", seed: 1), Run("two", seed: 2, json => json["cuvee"] = "0.2"),
        (Path.Combine(folder, "none"), TestTables.Create(3)), Run("three", seed: 3),
    ]);

    public static TheoryData<string, string?> Differences => new()
    {
        { "search.budget.queries", Main },
        { "search.settings.rounds", Main },
        { "search.preset", Main },
        { "fallback", Main },
        { "inputs.start", Main },
        { "extended_budget.budget.queries", Main },
        { "inputs.validation", null },
        { "inputs.model/config.json", null },
        { "inputs.pool/ner-a/adapter_model.safetensors", null },
        { "max_tokens", null },
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void RequireSame_MoreThanTheSeedDiffers_NamesRunsRowAndField(string field, string? row)
    {
        string[] path = field.StartsWith("inputs.", StringComparison.Ordinal) ? field.Split('.', 2) : field.Split('.');
        AssertRefused(row, field, json =>
        {
            foreach (var part in path[..^1]) json = json[part]!.AsObject();
            json[path[^1]] = "other";
        });
    }

    [Fact]
    public void RequireSame_SearchOfCompareDiffers_NamesItsRow() => AssertRefused(
        Beside, "search.budget.queries", json => json["compare"]!["searches"]![0]!["budget"]!["queries"] = 10);

    /// <summary>Two run files side by side share records and controls, not a search.</summary>
    [Fact]
    public void RequireSame_OtherTitle_MayBeAnotherSearch()
    {
        var (source, table) = Run("two", seed: 1, json =>
        {
            (json["objective"], json["search"]!["name"]) = ("ie-f1", "cma-es");
            json.Remove("compare");
        });
        var row = table.Rows.First(row => row.Kind == RowKind.Search) with { Key = "CMA-ES over weights (delta) by ie-f1" };
        RowOrigins.RequireSame([Run("one", seed: 1), (source, PooledTableTests.With(table, [row]))]);
    }

    [Fact]
    public void RequireSame_DamagedRunFile_IsNamed()
    {
        var run = Run("one", seed: 1);
        var path = Path.Combine(run.Source, RunIdentity.FileName);
        File.WriteAllText(path, "{");
        Assert.Equal(
            $"{path}: damaged; repeat the run that wrote it.",
            Assert.Throws<BadInputException>(() => RowOrigins.RequireSame([run])).Message);
    }

    private void AssertRefused(string? row, string field, Action<JsonObject> change)
    {
        var (one, two) = (Run("one", seed: 1), Run("two", seed: 2, change));
        Assert.Equal(
            $"{one.Source} and {two.Source}: {(row is null ? "the runs" : $"rows '{row}'")} differ in '{field}' (run.json), so these are " +
            "no seeds of one run file; a table averages nothing else.",
            Assert.Throws<BadInputException>(() => RowOrigins.RequireSame([one, two])).Message);
    }

    private (string Source, ComparisonTable Table) Run(string name, ulong seed, Action<JsonObject>? change = null)
    {
        var json = JsonNode.Parse(
            """
            {
              "cuvee": "0.1", "objective": "cross-entropy", "metric": "ie-f1", "max_tokens": 96, "fallback": "best-single",
              "search": {"name": "fisher-probing", "preset": "delta", "budget": {"queries": 9}, "settings": {"rounds": 10}},
              "inputs": {
                "model/config.json": "a", "pool/ner-a/adapter_model.safetensors": "b", "start": "c", "validation": "d"
              },
              "compare": {"metric": "ie-f1", "searches": [{"name": "evo-merging", "budget": {"queries": 9}}]},
              "extended_budget": {"budget": {"queries": 20}}
            }
            """)!.AsObject();
        json["seed"] = seed;
        json["extended_budget"]!["ends"] = new JsonArray(seed); // where it had ended is the seed's
        change?.Invoke(json);
        var run = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        File.WriteAllText(Path.Combine(run, RunIdentity.FileName), json.ToJsonString());
        return (run, TestTables.Create(seed));
    }
}
