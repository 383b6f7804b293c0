using System.Text.Json.Nodes;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Search <c>natural-niches</c> from run file to recipe; that it resumes exactly: <see cref="ResumeTests"/>.</summary>
public sealed class NaturalNichesRunTests : SoftmaxRuns
{
    private const string Niches = "search: natural-niches\nseed: 5\n";

    [Fact]
    public async Task ExecuteAsync_HelpfulAndHarmfulAdapters_BeatsEveryStart()
    {
        var result = await RunAsync(zoo.Configure($"{Niches}budget: {{ queries: 2500 }}"));
        Assert.False(result.Verdict.SingleWon);
        Assert.True(result.ValidationLoss < result.Verdict.Single.Loss - 0.02, $"{result.ValidationLoss} {result.Verdict.Single.Loss}");
        Assert.True(result.ValidationLoss < result.StartLoss - 0.1, $"{result.ValidationLoss} {result.StartLoss}");
        Assert.True(Weight(result, "adapter-a") > 0.5, "the adapter that helps");
        Assert.True(Weight(result, "adapter-b") < 0.1, "the adapter that harms");
        Assert.InRange(result.Spending.Queries, 2000, 2500);
    }

    [Fact]
    public async Task ExecuteAsync_EveryModel_IsMeasuredOnTheSameSearchableRecords()
    {
        var result = await RunAsync(zoo.Configure($"{Niches}budget: {{ queries: 900 }}\nsettings: {{ sample: 9, held_out: 0.25 }}"));
        var samples = Search(result).Select(line => line["records"]!.ToJsonString()).Distinct();
        Assert.Equal(9, JsonNode.Parse(Assert.Single(samples))!.AsArray().Count);
        var plan = RunPlanner.Plan(zoo.Configure($"{Niches}settings: {{ held_out: 0.25 }}", "another"))[0];
        var records = Search(result)[0]["records"]!.AsArray().Select(record => record!.GetValue<int>());
        Assert.Empty(records.Intersect(plan.Split.HeldOut));
    }

    [Fact]
    public async Task ExecuteAsync_MoreAdaptersThanStarts_ScreensThemByWhatIsKnown()
    {
        var result = await RunAsync(zoo.Configure($"{Niches}budget: {{ queries: 700 }}\nsettings: {{ starts: 2, held_out: 0 }}"));
        var screened = Search(result).Where(line => Iteration(line) == 0).ToList();
        Assert.Equal(4, screened.Count); // three adapters and their average, which alone had to be asked
        Assert.All(screened.SkipLast(1), line => Assert.Equal(0, line["queries"]!.GetValue<int>()));
        Assert.Equal(8, screened[^1]["queries"]!.GetValue<int>());
        string[] best = [.. screened.OrderBy(line => line["loss"]!.GetValue<double>()).Take(2).Select(Point)];
        Assert.Equal(best.Order(), Search(result).Where(line => Iteration(line) == 1).Select(Point).Order());
        Assert.Equal(4, Search(result).Count(line => Iteration(line) == 2)); // in flight
    }

    [Fact]
    public async Task ExecuteAsync_MetricAsObjective_JoinsWhatTwoSpecialistsKnow()
    {
        // adapter-a knows the prompts of even length, adapter-c the others, from a weight of 0.4 on.
        var completions = RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl")).ToDictionary(record => record.Prompt);
        var host = new SoftmaxHost(Names, Pull)
        {
            Answer = (recipe, prompt) =>
                MergedWeight(recipe, prompt.Length % 2 == 0 ? "adapter-a" : "adapter-c") > 0.4 ? completions[prompt].Completion : "",
        };
        const string More = "objective: rouge-l\nmax_tokens: 4\nbudget: { queries: 900 }\nsettings: { held_out: 0 }";
        var result = await RunAsync(zoo.Configure(Niches + More), host: host);
        Assert.Equal((1, 0), (result.StartLoss, result.ValidationLoss));
        Assert.InRange(result.Verdict.Single.Loss, 0.2, 0.8);
    }

    /// <summary>Without mutation all children of one adapter are that adapter, which costs no query and would go on for ever.</summary>
    [Fact]
    public async Task ExecuteAsync_OneAdapterWithoutMutation_EndsBecauseNothingIsNew()
    {
        using var alone = new TinyZoo(adapters: 1);
        var plan = Assert.Single(RunPlanner.Plan(alone.Configure($"{Niches}preset: paper\nbudget: {{ queries: 500 }}")));
        var session = new SoftmaxSession(new SoftmaxHost(Names[..1], Pull[..1]), null);
        var result = await new RunExecutor(session, TimeProvider.System, new EventLog())
            .ExecuteAsync(plan, null, null, CancellationToken.None);
        Assert.Equal("nothing-new", result.Stages[0].StopReason);
        Assert.InRange(result.Spending.Queries, 1, 100);
    }

    [Fact]
    public async Task ExecuteAsync_RealEngine_WeighsLayersApart()
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure($"{Niches}fallback: none\nbudget: {{ queries: 1500 }}")));
        Assert.Equal("natural-niches (delta)", plan.Title);
        var report = await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None);
        var result = report.Results[0];
        Assert.True(result.Stages[0].Value.Loss < result.StartLoss - 0.01, $"{result.StartLoss} -> {result.Stages[0].Value.Loss}");
        Assert.Contains(Shares(result.Recipe), share => share.GroupWeights.Count == 2);
    }

    [Fact]
    public async Task ExecuteAsync_NoBudget_CostsNoMoreThanForecast()
    {
        var configuration = zoo.Configure($"{Niches}settings: {{ children: 30, sample: 8, check_every: 3 }}");
        var forecast = RunPlanner.Plan(configuration)[0].Forecast;
        var result = await RunAsync(configuration);
        Assert.Equal("evaluations", result.Stages[0].StopReason);
        Assert.Equal(4 + 28, Search(result).Count); // 7 times 4 children; 32 would be more than 30
        Assert.InRange(result.Spending.Queries, forecast.Queries!.Value / 2, forecast.Queries.Value);
    }

    [Fact]
    public void Plan_SettingsThatCannotWork_AreRefused()
    {
        Assert.Contains("every child is its parent", Refusal("settings: { crossover: off, mutation: 0 }"), StringComparison.Ordinal);
        Assert.Contains("'settings.attraction'", Refusal("settings: { attraction: maybe }"), StringComparison.Ordinal);
        Assert.Contains("budget.queries is too small", Refusal("budget: { queries: 150 }"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("preset: paper", "natural-niches (paper)")]
    [InlineData("preset: paper\nsettings: { archive: 30 }", "natural-niches (delta)")]
    [InlineData("space: factors", "natural-niches (factors)")]
    [InlineData("settings: { exponent: 0, attraction: off }", "genetic algorithm (delta)")]
    public void Title_Settings_ClaimsNoMoreThanRuns(string more, string title) =>
        Assert.Equal(title, RunPlanner.Plan(zoo.Configure(Niches + more))[0].Title);

    private static double MergedWeight(WeightedRecipe recipe, string name) =>
        recipe.Adapters.FirstOrDefault(share => share.Name == name)?.Weight ?? 0;

    private static List<JsonNode> Search(RunResult result) =>
        [.. File.ReadLines(Path.Combine(result.Out, EvaluationLog.FileName)).Select(line => JsonNode.Parse(line)!)
            .Where(line => line["purpose"]!.GetValue<string>() == "search")];

    private static int Iteration(JsonNode line) => line["iteration"]!.GetValue<int>();

    private static string Point(JsonNode line) => line["point"]!.ToJsonString();

    private string Refusal(string more) =>
        Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(Niches + more))).Message;
}
