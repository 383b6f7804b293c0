using Cuvee.Configuration;
using Cuvee.Lab.Data;
using Cuvee.Lab.Reproduction;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee.Lab.Tests.Reproduction;

public sealed class ExperimentCatalogTests(FourSpecialists zoo) : IClassFixture<FourSpecialists>
{
    public static TheoryData<string> Names { get; } = new(ExperimentCatalog.All.Select(experiment => experiment.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Experiment_RowsAndClaims_FitTogether(string name)
    {
        var experiment = ExperimentCatalog.All.Single(each => each.Name == name);
        var keys = experiment.Rows.Select(row => row.Key).ToList();
        Assert.Equal(keys.Distinct(), keys);
        Assert.Equal("default", keys[0]); // finds the adapters that later rows use
        Assert.Contains(experiment.MainRow, keys);
        Assert.Empty(experiment.Claims.SelectMany(claim => (string[])[claim.First, claim.Second]).Except(keys));
        Assert.Empty(PaperFigures.Of(name).Rows.Except(keys));
        Assert.Equal(experiment.Axis is null, experiment.Points is [{ Label: "" }]);

        // What is called a claim of the paper stands in its table.
        var paper = PaperFigures.Of(name);
        Assert.All(
            experiment.Claims.Where(claim => claim.Source == "paper"),
            claim => Assert.True(paper.Row(claim.First)![0] > paper.Row(claim.Second)![0]));
        Assert.Equal(PaperFigures.Experiments.Contains(name), experiment.Claims.Any(claim => claim.Source == "paper"));
    }

    /// <summary>Their seeds' runs are drawn for all targets together: a seed has one draw of adapters.</summary>
    [Fact]
    public void DrawsPools_Catalog_WhereAPointIsSmallerThanThePool() => Assert.Equal(
        ["pool-size", "repository"],
        ExperimentCatalog.All.Where(experiment => experiment.DrawsPools).Select(experiment => experiment.Name));

    [Theory]
    [InlineData(97, false)] // 96 and the one that closes the answer
    [InlineData(98, true)]
    public void IsCut_TokensOfAScoredAnswer_CountsNotTheClosingOne(int tokens, bool isCut) =>
        Assert.Equal(isCut, RowMeasurer.IsCut(tokens));

    [Fact]
    public void Catalog_NamesAndPaperTables_AreUniqueAndKnown()
    {
        Assert.Equal(
            [
                "ood", "ood-hard", "id", "robustness", "ablation", "pool-size", "validation-size", "label-noise", "objective", "space",
                "development", "first-step", "repository", "second-base",
            ],
            ExperimentCatalog.All.Select(experiment => experiment.Name));
        Assert.Empty(PaperFigures.Experiments.Except(ExperimentCatalog.All.Select(experiment => experiment.Name)));
        var published = ExperimentCatalog.All.Where(experiment => PaperFigures.Experiments.Contains(experiment.Name))
            .SelectMany(experiment => experiment.Targets).Select(target => target.DataSet);
        var development = ExperimentCatalog.All.Single(experiment => experiment.Name == "development");
        Assert.Empty(development.Targets.Select(target => target.DataSet).Intersect(published));
        Assert.All(
            ExperimentCatalog.All.SelectMany(experiment => experiment.Rows).GroupBy(row => row.Key),
            rows => Assert.Single(rows.Select(row => (row.Name, row.Settings(false))).Distinct()));
        Assert.All(ExperimentCatalog.All, experiment => Assert.All(experiment.Rows, (row, i) =>
            Assert.True(
                row.Uses is null || experiment.Rows.Take(i).Any(before => before.Key == row.Uses), $"{experiment.Name}: {row.Key}")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rows_RunFiles_CanBePlannedAsTheyStand(bool quick)
    {
        await using var lab = zoo.Lab("files");
        var task = new CaseBuilder(FourSpecialists.Small, lab).Build([new(LabTask.Ner, "menu")], new ExperimentPoint(""), 1)!;
        var rows = ExperimentCatalog.All.SelectMany(experiment => experiment.Rows).OfType<SearchRow>().DistinctBy(row => row.Key).ToList();
        Assert.Equal(43, rows.Count);
        await using var session = new CaseSession();
        var context = new RowContext(lab, task, session, 7, quick, zoo.Folder("files"), null);
        Directory.CreateDirectory(zoo.Folder("files"));
        RecipeJson.Write(Path.Combine(zoo.Folder("files"), "start.json"), MergeRecipes.Uniform(MergeSpace.Delta, task.Adapters));
        foreach (var row in rows)
        {
            var text = row.RunFile(context);
            var configuration = RunConfiguration.Parse(text, Path.Combine(zoo.Folder("files"), "run.yaml"));
            Assert.Single(RunPlanner.Plan(configuration)); // budgets and grids included
            Assert.Equal((7UL, zoo.Folder("files")), (configuration.Seed, Path.TrimEndingDirectorySeparator(configuration.Out)));
            Assert.Equal(task.Adapters, configuration.Provider.AdapterNames);
            Assert.Equal(row.IsProduct ? Fallback.BestSingle : Fallback.None, configuration.Fallback);
        }
    }

    [Fact]
    public void EvoPaper_Full_IsThePublishedSettingsUnchanged()
    {
        var text = $"model: m\npool: {{ path: p }}\nvalidation: v\nout: o\n{ExperimentRows.EvoPaper.Settings(quick: false)}";
        Assert.Equal("evo-merging (paper)", RunConfiguration.Parse(text, "run.yaml").Search.Title);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ToQuick_Experiment_IsSmallerAndKeepsRows(string name)
    {
        var full = ExperimentCatalog.All.Single(each => each.Name == name);
        var quick = full.ToQuick();
        Assert.True(quick.IsQuick);
        Assert.Equal([1UL], quick.Seeds);
        Assert.Equal(full.Rows, quick.Rows);
        Assert.True(quick.Targets.Count <= (full.Pool == PoolRule.TargetsOnly ? 8 : 2));
        Assert.True(quick.Points.Count <= 3);
        Assert.Equal((full.Points[0], full.Points[^1]), (quick.Points[0], quick.Points[^1]));
        Assert.True(quick.ValidationRecords < full.ValidationRecords && quick.TestRecords < full.TestRecords);
    }
}
