using Cuvee.Data;
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

    [Fact]
    public void Plan_TestIsTheValidationFile_IsRefused()
    {
        var configuration = zoo.Configure("search: cma-es");
        Assert.EndsWith(
            "run.yaml: 'test' is the file of 'validation', which the search sees; name records of their own.",
            Assert.Throws<BadInputException>(() => RunPlanner.Plan(configuration with { Test = configuration.Validation })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_TestRecordsThatTheSearchSees_AreCounted()
    {
        var validation = RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"));
        RecordFile.Write(
            Path.Combine(zoo.Folder, "test.jsonl"),
            [validation[3], validation[5] with { Id = "x" }, validation[7] with { Completion = "no answer" }]);
        Assert.Contains(
            "2 of 3 test records are also validation records, which the search sees; leave them out of one file.",
            RunPlanner.Plan(zoo.Configure("search: cma-es"))[0].Notes);
    }

    private void AssertRefused(string sentence, string lines, string output = "out") => Assert.EndsWith(
        sentence, Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(lines, output))).Message, StringComparison.Ordinal);
}
