using Cuvee.Formats;
using Cuvee.Lab.Niches;
using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Tests.Niches;

public sealed class NichesExperimentTests : IDisposable
{
    private static readonly NichesExperiment Tiny =
        NichesExperiment.All[0] with { Passes = 45, CurveStep = 10, Seeds = [1, 2], Quick = true };

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("niches-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Run_EveryRow_ReachesItsPassesAndGivesAPage()
    {
        var results = Run();
        Assert.Equal(2 * (NichesRow.All.Count + NichesRow.All.Count(row => row.FromParents)), results.Runs.Count);
        Assert.All(results.Runs, run => Assert.Equal(run.Row == "sep-cma-es" ? 40 : 45, run.Curve[^1].Passes)); // generations of 20
        Assert.All(results.Runs, run => Assert.Equal(1 - run.Curve[^1].Test, run.TestErrors.Average(), 9));
        Assert.All(results.Runs, run => Assert.True(run.Curve[^1].Train >= run.Curve[0].Train));

        var path = ResultsJson.PathOf(folder.FullName, "niches");
        ResultsJson.Write(path, results);
        var page = NichesPage.Write(folder.FullName, ResultsJson.Read<NichesResults>(path));
        var text = File.ReadAllText(page);
        Assert.All(results.Rows, row => Assert.Contains($"| {row.Name} | ", text, StringComparison.Ordinal));
        Assert.Contains("From scratch: M2N2 is", text, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder.FullName, "niches-parents.svg")));
    }

    [Fact]
    public void Run_FinishedRuns_AreUsedAgain()
    {
        var first = Run();
        var again = Run();
        Assert.Equal(first.Runs.Select(run => (run.Row, run.Seconds)), again.Runs.Select(run => (run.Row, run.Seconds)));
        Assert.Equal(first.Rows, again.Rows);
    }

    [Theory]
    [InlineData("{\"Start\": \"scr")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData(null)] // the file of another run
    public void Run_DamagedOrForeignRunFile_IsNamed(string? text)
    {
        Run();
        var files = Directory.GetFiles(folder.FullName, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToList();
        File.WriteAllText(files[0], text ?? File.ReadAllText(files[1]));
        var error = Assert.Throws<BadInputException>(() => Run());
        Assert.StartsWith($"{files[0]}: not the finished run of ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AnotherFile_IsRefused()
    {
        var path = Path.Combine(folder.FullName, "digits.csv.gz");
        File.WriteAllText(path, "0,1,2");
        foreach (var read in (Func<string, DigitImages>[])[DigitImages.Read, MnistPackage.Read])
        {
            var error = Assert.Throws<BadInputException>(() => read(path));
            Assert.Contains("SHA-256 differs", error.Message, StringComparison.Ordinal);
        }
    }

    private NichesResults Run() => Tiny.Run(
        DigitNetTests.Random(60), folder.FullName, TimeProvider.System, TextWriter.Null, CancellationToken.None);
}
