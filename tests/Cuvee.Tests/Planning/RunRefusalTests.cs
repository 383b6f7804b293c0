using Cuvee.Formats;
using Cuvee.Planning;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Planning;

/// <summary>What would ruin something, or fail after queries were paid for, is refused by the plan.</summary>
public sealed class RunRefusalTests : IDisposable
{
    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Theory]
    [InlineData("pool")]
    [InlineData("pool/")]
    [InlineData("pool/out")]
    public void Plan_OutIsThePoolOrInIt_IsRefused(string output) => AssertRefused(
        "'out' lies in the folder of the pool, like an adapter; name another.", "search: cma-es", output);

    [Theory]
    [InlineData("objective: command")]
    [InlineData("metric: command")]
    [InlineData("compare: { metric: command }")]
    public void Plan_ScoresOfAProgramWithoutOne_IsRefused(string line) => AssertRefused(
        "it gives no scores, which objective and metric 'command' read; choose a metric of answers such as exact-match.",
        $"search: cma-es\n{line}");

    [Theory]
    [InlineData("merge-method")]
    [InlineData("grid")]
    public void Plan_FactorsOfAMergeMethod_AreRefused(string search) => AssertRefused(
        $"run.yaml: search '{search}' merges in delta space; leave 'space' out.", $"search: {search}\nspace: factors");

    private void AssertRefused(string sentence, string lines, string output = "out") => Assert.EndsWith(
        sentence, Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(lines, output))).Message, StringComparison.Ordinal);
}
