using System.CommandLine;
using System.Xml.Linq;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Lab.Commands;
using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Tests.Reproduction;

/// <summary>What is rendered from results, against approved files; a change of the page is a change of them.</summary>
public sealed class ResultsPageTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-results-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("ood")]
    [InlineData("pool-size")]
    public async Task RenderOnly_Results_PageAndPlotsAreTheApprovedOnes(string experiment)
    {
        ResultsJson.Write(ResultsJson.PathOf(folder, experiment), Results(experiment));
        var (code, output, error) = await RunAsync("reproduce", experiment, "--render-only", "--out", folder);

        Assert.Equal((0, ""), (code, error));
        var scope = experiment == "ood" ? "" : "On this quick run alone: ";
        Assert.Contains(
            $"{experiment}.md: {scope}2 claims of the paper: 1 confirmed, 0 reversed, 1 undecided; " +
            "1 claim of Cuvee: 0 confirmed, 1 reversed, 0 undecided",
            output,
            StringComparison.Ordinal);
        foreach (var suffix in (string[])[".json", ".md", "-score.svg", "-loss.svg"])
        {
            var written = Path.Combine(folder, experiment + suffix);
            var approved = Path.Combine(AppContext.BaseDirectory, "Reproduction", "approved", experiment + suffix);
            Assert.True(File.Exists(approved), $"{written} is to be approved");
            Assert.Equal(await File.ReadAllTextAsync(approved), await File.ReadAllTextAsync(written));
            if (suffix.EndsWith("svg", StringComparison.Ordinal)) Assert.Equal("svg", XDocument.Load(written).Root!.Name.LocalName);
        }
    }

    [Fact]
    public void Read_WrittenResults_GiveTheSameBytesAgain()
    {
        var path = ResultsJson.PathOf(folder, "ood");
        ResultsJson.Write(path, Results("ood"));
        var bytes = File.ReadAllBytes(path);
        ResultsJson.Write(path, ResultsJson.Read<ExperimentResults>(path));
        Assert.Equal(bytes, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData("\"title\":", "\"titel\":", "'titel': not an experiment's results")]
    [InlineData("\"queries\": 12000", "\"queries\": \"many\"", "'points[0].average[0].queries': not an experiment's results")]
    [InlineData("{", "[", "not an experiment's results")]
    public void Read_Damaged_NamesTheFileAndTheMend(string old, string damage, string problem)
    {
        var path = ResultsJson.PathOf(folder, "ood");
        ResultsJson.Write(path, Results("ood"));
        var text = File.ReadAllText(path);
        var at = text.IndexOf(old, StringComparison.Ordinal);
        File.WriteAllText(path, text[..at] + damage + text[(at + old.Length)..]);

        var message = Assert.Throws<BadInputException>(() => ResultsJson.Read<ExperimentResults>(path)).Message;
        Assert.StartsWith($"{path}: {problem}", message, StringComparison.Ordinal);
        Assert.EndsWith("run the experiment again.", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("reproduce ood", "--data is missing; name the folder of data sets, or add --render-only")]
    [InlineData("reproduce ood --data data --seeds 0", "--seeds must lie in [1, 1000]")]
    [InlineData("reproduce odd --data data", "'odd' not recognized")]
    [InlineData("reproduce ood --data no-such-folder", "no-such-folder: the folder does not exist")]
    [InlineData("reproduce ood --render-only --out no-such-folder", "run the experiment first, without --render-only")]
    public async Task Command_BadInput_OneSentenceAndCode2(string line, string problem)
    {
        var (code, output, error) = await RunAsync(line.Split(' '));
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(problem, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Axis_Values_HasRoundTicksAroundThemAndZero()
    {
        var axis = PlotAxis.Over([3.1, 47, double.NaN], 100, 400);
        Assert.Equal(["0", "10", "20", "30", "40", "50"], axis.Ticks.Select(tick => tick.Label));
        Assert.Equal((100, 400, 250), (axis.At(0), axis.At(50), axis.At(25)));
        Assert.Equal(400, axis.At(900));
        Assert.Equal(["-0.2", "0", "0.2", "0.4", "0.6"], PlotAxis.Over([-0.1, 0.6], 0, 1).Ticks.Select(tick => tick.Label));
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var root = new Command("cuvee") { ReproduceCommand.Create() };
        var code = await CommandRunner.RunAsync(root, arguments, output, error, CancellationToken.None);
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>Invented numbers.</summary>
    private static ExperimentResults Results(string experiment)
    {
        var curve = experiment != "ood";
        var main = curve ? "evo-budget" : "evo-paper";
        RowDescription[] rows =
        [
            new("default", "Cuvee's default", "search", "search: fisher-probing; metric: ie-f1"),
            new(main, "Evo-Merging & what it needs", "search", "search: evo-merging; preset: paper"),
            new("best-single", "best single adapter", "control", ""),
        ];
        RowSummary Row(string key, double score, double queries)
        {
            var loss = 2 - score;
            return new RowSummary(
                key, 1, queries, 70.5 * queries, loss - 0.1, new(loss, loss - 0.05, loss + 0.0625), score - 0.01, score + 0.01,
                new(score, score - 0.04, score + 0.03), key == main ? null : new(-0.25, -0.5, -0.0001),
                key == main ? null : new(-0.00001, -0.02, 0.03));
        }

        PointResults Point(string label, double score) => new(
            label,
            [Row("default", score + 0.05, 12000), Row(main, score, 108000), Row("best-single", score / 2, 1280)],
            [
                new(
                    "ner-mit-restaurant", 27, 100, 300, 38,
                    [Row("default", score + 0.05, 12000), Row(main, score, 108000), Row("best-single", score / 2, 1280)],
                    [new("best-single", 1, "best single adapter (es-mit-restaurant)", 1280, 90240, 1.5, 1.75, 0.1, 0.2, score / 2)]),
            ]);
        var points = curve ? new[] { Point("10", 0.2), Point("all", 0.3) } : [Point("", 0.25)];
        return new ExperimentResults
        {
            Experiment = experiment,
            Title = "Out of domain",
            Protocol = "All specialists but the target's own.",
            Quick = curve,
            Metric = "ie-f1",
            Seeds = [1, 2],
            ValidationRecords = 100,
            ZooAdapters = 28,
            Axis = curve ? "adapters in the pool" : null,
            MainRow = main,
            Rows = rows,
            Notes = ["re-scierc: the zoo has no specialist re-scierc, so this target is left out."],
            Missing = curve ? [] : ["LoRAHub (4 of 18 runs)"],
            ClaimsLeftOut = curve ? 0 : 2,
            Points = points,
            Claims =
            [
                new(main, "best-single", "paper", points[0].Label, null, new(0.1, 0.05, 0.15), new(-1, -1.25, -0.75), ClaimResult.Holds),
                new(main, "lorahub", "paper", points[0].Label, null, new(0.01, -0.05, 0.07), new(0.5, 0.25, 0.75), ClaimResult.Undecided),
                new("default", main, "Cuvee", points[^1].Label, points.Length > 1 ? points[0].Label : null, new(-0.1, -0.15, -0.05),
                    new(0, -0.1, 0.1), ClaimResult.Reversed),
            ],
        };
    }
}
