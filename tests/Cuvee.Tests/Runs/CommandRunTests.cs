using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Searches that ask a program: models of one tensor of two numbers, a shell script that reads them.</summary>
public sealed class CommandRunTests : IDisposable
{
    private const string Model = "{ provider: command, path: base, run: [sh, score.sh], seconds: 1 }";

    // Each prompt is a place, 1 or 2, and a target; the score falls with the distance of the checkpoint's number there.
    private const string Script = """
        set -e
        numbers=$(tail -c 8 "$1/model.safetensors" | od -An -tf4)
        [ -f "$1/config.json" ]
        awk -v numbers="$numbers" 'BEGIN { split(numbers, x, " "); printf "[" }
            { gsub(/[^0-9. -]/, " "); printf "%s%.9f", (NR > 1 ? "," : ""), 1 / (1 + (x[$1] - $2) ^ 2) } END { print "]" }'
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-command-").FullName;

    public CommandRunTests()
    {
        Write("base", 0, 0);
        Write("pool/a", 1, 0.5f);
        Write("pool/b", -0.5f, 1);
        File.WriteAllText(Path.Combine(folder, "score.sh"), Script);
        RecordFile.Write(
            Path.Combine(folder, "validation.jsonl"),
            [.. Enumerable.Range(0, 20).Select(i => new PromptCompletion($"{i}", i % 2 == 0 ? "1 0.3" : "2 1.1", "1"))]);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // 0.3 = a - b / 2 and 1.1 = a / 2 + b: a 0.68, b 0.76.
    [Theory]
    [InlineData("search: evolutionary-ps\nsettings: { candidates: 240 }")]
    [InlineData("search: cma-es\nsettings: { candidates: 240, penalty: 0 }")]
    public async Task ExecuteAsync_ScoresOfAProgram_FindsTheMergeThatScoresBest(string search)
    {
        var result = await RunAsync(search);
        Assert.InRange(result.ValidationLoss, 0, 0.003);
        var numbers = new float[2];
        using var written = CheckpointReader.Open(Path.Combine(result.Out, "checkpoint"));
        written.Read("x.weight", 0, numbers);
        Assert.Equal(0.3, numbers[0], 0.1);
        Assert.Equal(1.1, numbers[1], 0.1);
        Assert.Equal(result.ValidationLoss, result.Written!.ValidationLoss!.Value, 1e-6);
        Assert.True(File.Exists(Path.Combine(result.Out, "checkpoint", "config.json")));
    }

    [Theory]
    [InlineData("exit 3", "ended with exit code 3")]
    [InlineData("echo nonsense; cat > /dev/null", "wrote no JSON (")]
    [InlineData("echo '[1]'; cat > /dev/null", "wrote 1 entries for")]
    [InlineData("cat > /dev/null; awk 'BEGIN { printf \"[\"; for (i = 0; i < 20; i++) printf \"2,\"; print \"2]\" }'", "entries for")]
    [InlineData("sleep 30", "took longer than 1 s and was stopped")]
    [InlineData("awk '{ printf \"%s2\", (NR > 1 ? \",\" : \"[\") } END { print \"]\" }'", "wrote 2 as entry 0")]
    [InlineData("awk '{ printf \"%s\\\"x\\\"\", (NR > 1 ? \",\" : \"[\") } END { print \"]\" }'", "\"x\" is no score from 0 to 1")]
    public async Task ExecuteAsync_BrokenProgram_SaysWhat(string script, string expected)
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "score.sh"), script);
        var error = await Assert.ThrowsAsync<LanguageModelException>(() => RunAsync("search: cma-es"));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_ProgramFailsEveryOtherTime_IsAskedAgain()
    {
        await File.WriteAllTextAsync(
            Path.Combine(folder, "score.sh"), "if [ ! -f failed ]; then touch failed; exit 1; fi; rm failed\n" + Script);
        Assert.InRange((await RunAsync("search: cma-es\nsettings: { candidates: 40 }")).ValidationLoss, 0, 0.2);
    }

    [Fact]
    public async Task ExecuteAsync_ProgramTidiesItsFolder_IsNoFailure()
    {
        await File.AppendAllTextAsync(
            Path.Combine(folder, "score.sh"), "\ncase \"$1\" in *cuvee-candidates-*) rm -r \"$1\" ;; esac\n");
        Assert.InRange((await RunAsync("search: cma-es\nsettings: { candidates: 40 }")).ValidationLoss, 0, 0.2);
    }

    [Fact]
    public async Task ExecuteAsync_LeftoverOfAKilledWriter_IsNoPartOfTheResult()
    {
        var leftover = Directory.CreateDirectory(Path.Combine(folder, "out", "checkpoint.tmp")).FullName;
        await File.WriteAllTextAsync(Path.Combine(leftover, "model-00001-of-00002.safetensors"), "half");
        var result = await RunAsync("search: cma-es\nsettings: { candidates: 40 }");
        Assert.Equal(
            ["config.json", "model.safetensors"],
            Directory.GetFiles(Path.Combine(result.Out, "checkpoint")).Select(Path.GetFileName).Order());
        Assert.DoesNotContain(Directory.GetFileSystemEntries(result.Out), path => path.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Plan_ScriptHasChanged_IsAnotherRun()
    {
        await RunAsync("search: cma-es\nsettings: { candidates: 40 }");
        await File.AppendAllTextAsync(Path.Combine(folder, "score.sh"), "# another program\n");
        var plan = Assert.Single(RunPlanner.Plan(Configure("search: cma-es\nsettings: { candidates: 40 }", Model), resume: true));
        var error = await Assert.ThrowsAsync<BadInputException>(
            () => new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None));
        Assert.Contains("differs in 'inputs.model.run/score.sh'", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A merge is written once and measured again, which is asked, journalled and counted like everything else.</summary>
    [Fact]
    public async Task ExecuteAsync_WrittenCheckpoint_IsMeasuredOnTheBill()
    {
        var result = await RunAsync("search: cma-es\nsettings: { candidates: 40 }");
        Assert.Equal(20, result.ControlSpending.Queries);
        var line = EvaluationLog.Read(Path.Combine(result.Out, EvaluationLog.FileName)).Last();
        Assert.Equal((EvaluationPurpose.Written, "checkpoint f32", 20), (line.Purpose, line.Subject, line.Queries));
        Assert.Equal(result.Written!.ValidationLoss, line.Loss);
    }

    [Theory]
    [InlineData("{ provider: command, path: base }", "", "'model.run' is missing")]
    [InlineData("{ provider: command, path: nowhere, run: [sh] }", "", "is no folder")]
    [InlineData("{ provider: command, path: base, run: [sh] }", "search: evolutionary-dfs", "merges whole models of a base")]
    public void Plan_WhatCannotWork_IsRefused(string model, string search, string expected) => Assert.Contains(
        expected,
        Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure(search.Length == 0 ? "search: cma-es" : search, model))).Message,
        StringComparison.Ordinal);

    private async Task<RunResult> RunAsync(string search)
    {
        var plan = Assert.Single(RunPlanner.Plan(Configure(search, Model)));
        var report = await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None);
        return report.Results[0];
    }

    private RunConfiguration Configure(string search, string model) => RunConfiguration.Parse(
        $"model: {model}\npool: {{ path: pool }}\nvalidation: validation.jsonl\nobjective: command\nout: out\n{search}\n" +
            "output: { dtype: f32 }\n",
        Path.Combine(folder, "run.yaml"), Catalog.Default.WithServices(new ServiceNetwork(TimeProvider.System)));

    private void Write(string name, float first, float second)
    {
        var target = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        ModelShards.Write(target, [new TensorData("x.weight", [2], [first, second]).ToSource()], TensorType.F32, long.MaxValue);
        File.WriteAllText(Path.Combine(target, "config.json"), "{}\n");
    }
}
