using Cuvee.Lab.Evolution;
using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Tests.Evolution;

/// <summary>Claims and the page from made-up measurements whose answer is known.</summary>
public sealed class EvolutionResultsTests : IDisposable
{
    private const int Records = 60;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("evolution-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Of_RowsOfKnownOrder_DecidesEachClaimByItsInterval()
    {
        var results = Results();
        Assert.Equal("math", EvolutionResults.BestParent(results.References, "target").Name);
        EvolutionClaim Claim(string better, string worse) =>
            results.Claims.Single(claim => claim.Better == better && claim.Worse.StartsWith(worse, StringComparison.Ordinal));
        Assert.Equal(("confirmed", "the paper"), (Claim("PS", "the best parent (math)").Verdict, Claim("PS", "the best").Source));
        Assert.Equal("reversed", Claim("DFS", "the best parent").Verdict);
        Assert.Equal("undecided", Claim("PS+DFS", "PS").Verdict);
        Assert.Equal("confirmed", Claim("PS", "mean").Verdict);
        Assert.Equal((48 - 12) / 60.0, Claim("PS", "the best").Difference.Value, 1e-12);

        // A plain merge has one run, which stands beside every seed of the others.
        Assert.Equal((48 - 30) / 60.0, Claim("PS", "mean").Difference.Value, 1e-12);
        var ps = results.Rows.Single(row => row.Row == "ps");
        Assert.Equal((0.8, 0.6), (Math.Round(ps.Skills[0].Exact.Value, 12), Math.Round(ps.Skills[0].AboveBestParent.Value, 12)));
        Assert.Equal((1000, 20), (ps.Queries, ps.Seconds));
    }

    [Fact]
    public void Write_Page_HasEveryRowAndClaim()
    {
        var path = ResultsJson.PathOf(folder.FullName, EvolutionExperiment.Name);
        ResultsJson.Write(path, Results());
        var text = File.ReadAllText(EvolutionPage.Write(folder.FullName, ResultsJson.Read<EvolutionResults>(path)));
        Assert.Contains("answers to 60 test records of every skill (64 of `other`), equal", text, StringComparison.Ordinal);
        Assert.Contains("| PS | the best parent (math) | the paper | 60.0 (", text, StringComparison.Ordinal);
        Assert.Contains("| parent `math` | | 20.0 (", text, StringComparison.Ordinal);
        Assert.Contains("| mean | 50.0 | 9.4 |", text, StringComparison.Ordinal);
        Assert.Contains("<svg", File.ReadAllText(Path.Combine(folder.FullName, "evolutionary.svg")), StringComparison.Ordinal);
    }

    private static EvolutionResults Results()
    {
        var names = new Dictionary<string, string>
        {
            ["ps"] = "PS",
            [EvolutionRow.Paths] = "DFS",
            ["ps+dfs"] = "PS+DFS",
            ["mean"] = "mean",
        };
        EvolutionRunResult Run(string row, ulong seed, int target) =>
            new(row, seed, 1000, 20, [Skill("target", target), Skill("other", 6)]);
        return EvolutionResults.Of(
            false, "target", 100,
            [
                new("base", false, [Skill("target", 0), Skill("other", 0)]),
                new("math", true, [Skill("target", 12), Skill("other", 60)]),
                new("language", true, [Skill("target", 3), Skill("other", 60)]),
            ],
            [
                Run("mean", 1, 30), Run("ps", 1, 48), Run("ps", 2, 48), Run("ps", 3, 48), Run(EvolutionRow.Paths, 1, 1),
                Run(EvolutionRow.Paths, 2, 2), Run(EvolutionRow.Paths, 3, 0), Run("ps+dfs", 1, 47), Run("ps+dfs", 2, 48),
                Run("ps+dfs", 3, 49),
            ],
            key => names[key]);
    }

    // The first records are the ones that are right; a skill may have more than the target.
    private static SkillMeasurement Skill(string name, int right) =>
        new(name, new string('1', right) + new string('0', (name == "target" ? Records : Records + 4) - right), 1);
}
