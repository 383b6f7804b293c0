using System.Text.Json.Nodes;
using Cuvee.Formats.Peft;
using Cuvee.Journaling;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Baselines as published, whole runs on the real engine: the grid over a method's numbers, and LoRAHub.</summary>
public sealed class GridRunTests : IDisposable
{
    private const int Records = 24;
    private const string Grid = "search: grid\nseed: 7\nfallback: none\nsettings: { top: 2, lambda: [0.1, 0.5, 1], density: [0.5, 1], " +
        "method: ";

    private readonly TinyZoo zoo = new(adapters: 4, records: Records);

    public void Dispose() => zoo.Dispose();

    [Theory]
    [InlineData("ties", 6)]
    [InlineData("della", 6)]
    [InlineData("breadcrumbs", 6)]
    public async Task ExecuteAsync_Grid_KeepsTheBestOfEveryPointOnTheBestAdapters(string method, int points)
    {
        var (plan, result) = await RunAsync(Grid + method + " }");
        var lines = Lines(result);
        var search = lines.Where(line => line["purpose"]!.GetValue<string>() == "search").ToList();
        Assert.All(search, line => Assert.Equal(Records, line["records"]!.AsArray().Count));
        var alone = search.Where(line => Iteration(line) == 0).ToList();
        var grid = search.Where(line => Iteration(line) == 1).ToList();
        Assert.Equal((4, points), (alone.Count, grid.Count));

        string[] best = [.. plan.AdapterNames.Zip(alone).OrderBy(pair => Loss(pair.Second)).Take(2).Select(pair => pair.First).Order()];
        var recipe = Assert.IsType<MethodRecipe>(result.Recipe);
        Assert.Equal(best, recipe.Adapters.Select(adapter => adapter.Name));
        Assert.Equal(grid.Min(Loss), result.ValidationLoss, 1e-12);
        var winner = grid.MinBy(Loss)!["point"]!.AsArray().Select(number => number!.GetValue<double>()).ToList();
        Assert.Equal((recipe.Parameters["lambda"], recipe.Parameters["density"]), (winner[1], winner[2]));
        Assert.Equal("grid", result.Stages[0].StopReason);
        Assert.StartsWith("recommendation", result.Stages[0].Winner, StringComparison.Ordinal);

        // An adapter that the halving asked about all records is not paid for again, and what is re-evaluated is known already, but for
        // the start: the base model.
        var paid = lines.Sum(line => line["queries"]!.GetValue<int>());
        Assert.Equal(((4 + points + 1) * Records, paid), (result.Spending.Queries, paid));
        Assert.InRange(paid, 1, plan.Forecast.Queries!.Value);
    }

    [Fact]
    public async Task ExecuteAsync_GridWorseThanTheBaseModel_StillIsTheResult()
    {
        // Of a small update and its opposite one helps, so that turning the best adapter round, the only point of the grid, harms.
        zoo.WriteAdapter("adapter-a", 2, 0, scale: 0.1f);
        var modules = PeftReader.Read(Path.Combine(zoo.PoolFolder, "adapter-a")).Modules;
        zoo.WriteAdapter("adapter-b", 2, modules.Select(module => module with
        {
            LoraB = StoredMatrix.Over(module.OutFeatures, module.Rank, Array.ConvertAll(module.LoraB.ToSingles(), x => -x)),
        }));
        var (_, result) = await RunAsync(
            "search: grid\nfallback: none\nsettings: { method: task-arithmetic, top: 1, lambda: [-1] }");
        Assert.True(result.Verdict.Single.Loss < result.Stages[0].Start.Loss);
        Assert.True(result.Stages[0].Start.Loss < result.ValidationLoss, $"{result.Stages[0].Start.Loss} {result.ValidationLoss}");
        Assert.Equal(-1, Assert.IsType<MethodRecipe>(result.Recipe).Parameters["lambda"]);
    }

    [Fact]
    public async Task ExecuteAsync_BudgetOfQueries_FitsTheSampleAndIsKept()
    {
        var (plan, result) = await RunAsync(Grid + "ties }\nbudget: { queries: 320 }");
        Assert.Contains("sample lowered from 24 to ", Assert.Single(plan.Notes), StringComparison.Ordinal);
        Assert.InRange(result.Spending.Queries, 1, 320);
        Assert.Equal("grid", result.Stages[0].StopReason);
    }

    [Fact]
    public async Task ExecuteAsync_GridCutAnywhereAndResumed_SameBytes()
    {
        await RunAsync(Grid + "dare-ties }", "whole");
        var journal = await File.ReadAllLinesAsync(Path.Combine(zoo.Folder, "whole", ObservationJournal.FileName));
        foreach (var kept in (int[])[1, journal.Length / 3, 2 * journal.Length / 3, journal.Length])
        {
            var output = Directory.CreateDirectory(Path.Combine(zoo.Folder, $"cut-{kept}")).FullName;
            File.Copy(Path.Combine(zoo.Folder, "whole", RunIdentity.FileName), Path.Combine(output, RunIdentity.FileName));
            await File.WriteAllTextAsync(
                Path.Combine(output, ObservationJournal.FileName), string.Concat(journal.Take(kept).Select(line => line + "\n")));
            await RunAsync(Grid + "dare-ties }", $"cut-{kept}", resume: true);
            foreach (var file in (string[])["recipe.json", "adapter_model.safetensors", EvaluationLog.FileName])
            {
                Assert.Equal(
                    await File.ReadAllBytesAsync(Path.Combine(zoo.Folder, "whole", file)),
                    await File.ReadAllBytesAsync(Path.Combine(output, file)));
            }
        }
    }

    [Fact]
    public async Task ExecuteAsync_LoraHub_SearchesTheDrawnAdaptersFromZeroInFactors()
    {
        var (plan, result) = await RunAsync("search: cma-es\npreset: lorahub\nseed: 3\nfallback: none\nsettings: { draw: 3 }");
        var recipe = Assert.IsType<WeightedRecipe>(result.Recipe);
        Assert.Equal(MergeSpace.Factors, recipe.Space);
        Assert.Equal(3, recipe.Adapters.Count);
        Assert.Contains($"3 of 4 adapters drawn: {string.Join(", ", recipe.Adapters.Select(share => share.Name))}.", plan.Notes);
        var search = Lines(result).Where(line => line["purpose"]!.GetValue<string>() == "search").ToList();
        Assert.Equal(40, search.Count);
        Assert.All(search, line =>
        {
            var point = line["point"]!.AsArray().Select(number => number!.GetValue<double>()).ToList();
            Assert.Equal(3, point.Count);
            Assert.All(point, weight => Assert.InRange(weight, -1.5, 1.5));
            Assert.Equal(0.05 * point.Average(Math.Abs), line["penalty"]!.GetValue<double>(), 1e-12);
        });
        Assert.Equal(0, result.Stages[0].Start.Penalty);
    }

    private async Task<(RunPlan Plan, RunResult Result)> RunAsync(string more, string output = "out", bool resume = false)
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(more, output), resume));
        var report = await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None);
        return (plan, report.Results[0]);
    }

    private static List<JsonNode> Lines(RunResult result) =>
        [.. File.ReadLines(Path.Combine(result.Out, EvaluationLog.FileName)).Select(line => JsonNode.Parse(line)!)];

    private static int Iteration(JsonNode line) => line["iteration"]!.GetValue<int>();

    private static double Loss(JsonNode line) => line["loss"]!.GetValue<double>();
}
