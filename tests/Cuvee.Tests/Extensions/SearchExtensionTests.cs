using Cuvee.Formats;
using Cuvee.Merging;
using Cuvee.Optimization;
using Cuvee.Planning;
using Cuvee.Runs;
using Cuvee.Searches;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Extensions;

/// <summary>CONTRIBUTING, "How to add a search": one object, one registration, reachable from run.yaml.</summary>
public sealed class SearchExtensionTests : IDisposable
{
    private static readonly Catalog Extended = Catalog.Default with { Searches = [.. Catalog.Default.Searches, new PatternSearch()] };

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Run_SearchOfTheTestProject_FindsBetterWeightsOnTheRealEngine()
    {
        var plan = Assert.Single(RunPlanner.Plan(
            zoo.Configure("search: pattern\nsettings: { width: 0.5 }\nbudget: { queries: 1500 }", catalog: Extended)));
        Assert.Equal("pattern search (delta)", plan.Title);
        var report = await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None);
        var result = report.Results[0];
        Assert.True(result.Stages[0].Value.Loss < result.StartLoss - 0.01, $"{result.StartLoss} -> {result.Stages[0].Value.Loss}");
        Assert.InRange(result.Spending.Queries, 500, 1500);
    }

    [Fact]
    public void Load_SettingOutOfItsDeclaredRange_IsRefusedLikeAnyOther()
    {
        var error = Assert.Throws<BadInputException>(
            () => zoo.Configure("search: pattern\nsettings: { width: 9 }", catalog: Extended));
        Assert.Contains("'settings.width' must be a number from 0.001 to 2", error.Message, StringComparison.Ordinal);
        Assert.Contains(
            "choose evo-merging, fisher-probing, cma-es, natural-niches, nsga2, evolutionary-ps, evolutionary-dfs, evolutionary-ps+dfs, " +
                "random, merge-method, grid",
            Assert.Throws<BadInputException>(() => zoo.Configure("search: pattern")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_SearchThatReadsTwoObjectives_IsToldBothAndTheRecordsLosses()
    {
        var search = new PatternSearch { Needs = SearchNeeds.SeveralObjectives | SearchNeeds.RecordLosses };
        var catalog = Catalog.Default with { Searches = [search] };
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(
            "search: pattern\nobjective: [cross-entropy, rouge-l]\nmax_tokens: 4\nbudget: { queries: 900 }", catalog: catalog)));
        await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None);
        var told = search.Told;
        Assert.NotEmpty(told);
        Assert.All(told, evaluation =>
        {
            Assert.Equal(2, evaluation.Losses.Count);
            Assert.Equal(evaluation.Loss, evaluation.Losses[0]);
            Assert.InRange(evaluation.Losses[1], 0, 1);
            Assert.Equal(10, evaluation.RecordLosses.Count);
        });

        var alone = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure("search: pattern", "alone", catalog)));
        Assert.Contains("needs several objectives", alone.Message, StringComparison.Ordinal);
    }

    /// <summary>Hooke and Jeeves: both ways along each coordinate, half the width when nothing is better.</summary>
    private sealed class PatternSearch : ISearch
    {
        public List<TrialEvaluation> Told { get; } = [];

        public string Name => "pattern";

        public string Summary => "Both ways along each coordinate (Hooke and Jeeves 1961).";

        public IReadOnlyList<SearchSetting> Settings { get; } = [new NumberSetting("width", "First step.", 0.001, 2)];

        public IReadOnlyList<SearchPreset> Presets { get; } = [new("delta", MergeSpace.Delta, new SettingValues(("width", 0.3)))];

        public SearchNeeds Needs { get; init; }

        public string Title(SearchSettings settings) => $"pattern search ({settings.SpaceName})";

        public SearchProgram Prepare(SearchTask task) => new(
            MergeRecipes.Uniform(task.Settings.Space, task.AdapterNames),
            [
                new Stage
                {
                    Name = "weights",
                    SpaceAround = origin => new WeightSpace((WeightedRecipe)origin),
                    OptimizerOf = (space, _) => new Pattern([.. space.Start], task.Settings.Values.Number("width")!.Value, Told),
                    SampleSize = 10,
                },
            ],
            null,
            null,
            []);
    }

    private sealed class Pattern(double[] centre, double width, List<TrialEvaluation> told) : IOptimizer
    {
        public string Name => "pattern";

        public int Dimension => centre.Length;

        public int Iteration { get; private set; }

        public IReadOnlyDictionary<string, double> StopReasons =>
            width < 1e-3 ? new Dictionary<string, double> { ["width"] = width } : new Dictionary<string, double>();

        public IReadOnlyList<Trial> Ask() =>
            [new Trial([.. centre]), .. Enumerable.Range(0, 2 * Dimension).Select(i => new Trial(Moved(i)))];

        public void Tell(IReadOnlyList<TrialEvaluation> evaluations)
        {
            told.AddRange(evaluations);
            var best = evaluations.Index().MinBy(pair => pair.Item.Objective).Index;
            if (best == 0) width /= 2;
            else centre = Moved(best - 1);
            Iteration++;
        }

        public IReadOnlyList<double[]> Recommend() => [[.. centre]];

        private double[] Moved(int direction)
        {
            double[] point = [.. centre];
            point[direction / 2] = Math.Clamp(point[direction / 2] + (direction % 2 == 0 ? width : -width), -1.5, 1.5);
            return point;
        }
    }
}
