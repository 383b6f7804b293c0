using System.Text.Json.Nodes;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Search <c>nsga2</c> from run file to front, by cross-entropy and an answer's metric that disagree.</summary>
public sealed class Nsga2RunTests : SoftmaxRuns
{
    private const string Both = "search: nsga2\nseed: 5\nobjective: [cross-entropy, rouge-l]\nmax_tokens: 4\nfallback: none\n";
    private const string Small = Both + "budget: { queries: 2500 }\nsettings: { population: 8, sample: 9, front: 5 }";

    private readonly Dictionary<string, string> completions;

    public Nsga2RunTests() => completions = RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"))
        .ToDictionary(record => record.Prompt, record => record.Completion);

    [Fact]
    public async Task ExecuteAsync_ObjectivesThatDisagree_ShipsTheFirstAndTellsTheFront()
    {
        var host = TwoMinded();
        var result = await RunAsync(zoo.Configure(Small), host: host);
        Assert.InRange(result.Front.Count, 2, 5);
        Assert.Equal(result.Front.OrderBy(point => point.Losses[0]), result.Front);
        Assert.Equal(result.Front.OrderByDescending(point => point.Losses[1]), result.Front); // what one gains the other loses
        Assert.Equal(result.Front[0].Losses[0], result.ValidationLoss, 1e-12);
        Assert.InRange(result.Spending.Queries, 1500, 2500);

        // What the file says is what its recipes score on all validation records.
        var file = JsonNode.Parse(Bytes("out", RunWriter.FrontFileName))!;
        var records = RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"));
        Assert.Equal(records.Count, file["validation_records"]!.GetValue<int>());
        Assert.Equal(result.Front.Count, file["points"]!.AsArray().Count);
        foreach (var (point, i) in file["points"]!.AsArray().Select((point, i) => (point!, i)))
        {
            var path = Path.Combine(zoo.Folder, $"point-{i}.json");
            await File.WriteAllTextAsync(path, point["recipe"]!.ToJsonString());
            var recipe = Assert.IsType<WeightedRecipe>(RecipeJson.Read(path));
            Assert.Equal(MeanLoss.Of([.. records.Select(record => host.Score(recipe, record))]), Loss(point, "cross-entropy"), 1e-9);
            var right = records.Count(record => host.Answer!(recipe, record.Prompt).Length > 0) / (double)records.Count;
            Assert.Equal(1 - right, Loss(point, "1 - rouge-l"), 1e-9);
        }

        Assert.Contains("## Front", System.Text.Encoding.UTF8.GetString(Bytes("out", "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_CutAnywhereAndResumed_SameBytes()
    {
        var whole = await RunAsync(zoo.Configure(Small, "whole"), host: TwoMinded());
        var journal = await File.ReadAllLinesAsync(Path.Combine(zoo.Folder, "whole", ObservationJournal.FileName));
        foreach (var kept in (int[])[1, journal.Length / 2, journal.Length - 20, journal.Length])
        {
            var output = Directory.CreateDirectory(Path.Combine(zoo.Folder, $"cut-{kept}")).FullName;
            File.Copy(Path.Combine(zoo.Folder, "whole", RunIdentity.FileName), Path.Combine(output, RunIdentity.FileName));
            await File.WriteAllTextAsync(
                Path.Combine(output, ObservationJournal.FileName), string.Concat(journal.Take(kept).Select(line => line + "\n")));
            var resumed = await RunAsync(zoo.Configure(Small, $"cut-{kept}"), resume: true, host: TwoMinded());
            AssertSameResults("whole", $"cut-{kept}");
            Assert.Equal(Bytes("whole", RunWriter.FrontFileName), Bytes($"cut-{kept}", RunWriter.FrontFileName));
            Assert.Equal(whole.Spending, resumed.Spending);
        }
    }

    [Fact]
    public async Task ExecuteAsync_BudgetOfEvaluations_KeepsTheFrontsBack()
    {
        var result = await RunAsync(
            zoo.Configure(Both + "budget: { evaluations: 90 }\nsettings: { population: 8, sample: 6, front: 4 }"), host: TwoMinded());
        Assert.InRange(result.Stages[0].Iterations, 1, 4);
        Assert.NotEmpty(result.Front);
        Assert.Equal("budget", result.Stages[0].StopReason);
        var asked = File.ReadLines(Path.Combine(result.Out, EvaluationLog.FileName)).Select(line => JsonNode.Parse(line)!)
            .Count(line => line["stage"]!.GetValue<string>().StartsWith("weights", StringComparison.Ordinal));
        Assert.InRange(asked, 60, 90);
    }

    [Fact]
    public async Task ExecuteAsync_NoBudget_CostsNoMoreThanForecast()
    {
        var configuration = zoo.Configure(Both + "settings: { candidates: 40, population: 8, sample: 6, front: 4 }");
        var forecast = RunPlanner.Plan(configuration)[0].Forecast;
        var result = await RunAsync(configuration, host: TwoMinded());
        Assert.Equal((5, "evaluations"), (result.Stages[0].Iterations, result.Stages[0].StopReason));
        Assert.InRange(result.Spending.Queries, forecast.Queries!.Value / 2, forecast.Queries.Value);
    }

    [Fact]
    public void Plan_SmallestBudgetNamed_IsOneThatWorks()
    {
        const string Settings = "settings: { population: 8, sample: 6, front: 4 }\n";
        foreach (var key in (string[])["queries", "evaluations"])
        {
            var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure($"{Both}{Settings}budget: {{ {key}: 20 }}")));
            Assert.Contains($"budget.{key} is too small", error.Message, StringComparison.Ordinal);
            var least = int.Parse(error.Message.Split(' ')[^1].TrimEnd('.'), System.Globalization.CultureInfo.InvariantCulture);
            Assert.Single(RunPlanner.Plan(zoo.Configure($"{Both}{Settings}budget: {{ {key}: {least} }}")));
        }

        const string Still = "settings: { crossover_probability: 0, mutation_probability: 0 }";
        var still = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure($"{Both}{Still}")));
        Assert.Contains("every child is its parent", still.Message, StringComparison.Ordinal);

        var alone = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure("search: nsga2")));
        Assert.Contains("needs several objectives", alone.Message, StringComparison.Ordinal);
    }

    private static double Loss(JsonNode point, string name) => point["losses"]![name]!.GetValue<double>();

    /// <summary>Cross-entropy wants adapter-a up and adapter-b down; the answers to more and more records are right as adapter-b goes
    /// up.</summary>
    private SoftmaxHost TwoMinded() => new(Names, Pull)
    {
        Answer = (recipe, prompt) =>
            (recipe.Adapters.FirstOrDefault(share => share.Name == "adapter-b")?.Weight ?? 0) > (prompt.Length % 7 * 0.3) - 0.6
                ? completions[prompt] : "",
    };
}
