using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cuvee.Journaling;
using Cuvee.LanguageModels;

namespace Cuvee.FunctionalTests;

/// <summary>Runs that are killed, stopped, started twice or resumed on other inputs.</summary>
public sealed class InterruptionTests : IDisposable
{
    private const string Search = """
        search: evo-merging
        seed: 5
        budget: { evaluations: 3000 }
        settings: { population: 8, sample: 8, held_out: 0 }
        """;

    private static readonly string[] Results =
        ["adapter_model.safetensors", "adapter_config.json", "recipe.json", "evaluations.jsonl", "README.md"];

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Merge_KilledAndResumed_SameBytesAsAnUncutRun()
    {
        var file = zoo.WriteRun(Search);
        var (whole, cut) = (Path.Combine(zoo.Folder, "whole"), Path.Combine(zoo.Folder, "cut"));
        using (var process = await StartUntilFirstGenerationAsync(file, cut))
        {
            process.Kill(); // SIGKILL
            await process.WaitForExitAsync();
            Assert.NotEqual(0, process.ExitCode);
        }

        Assert.False(File.Exists(Path.Combine(cut, "adapter_model.safetensors")));
        var kept = (await File.ReadAllLinesAsync(Path.Combine(cut, "evaluations.jsonl"))).Length;
        Assert.Equal(2, (await CuveeRun.InProcessAsync("merge", file, "--out", cut)).Code);

        var resumed = await CuveeRun.InProcessAsync("merge", file, "--out", cut, "--resume", "--json");
        Assert.Equal(0, resumed.Code);
        Assert.Contains("resuming:", resumed.Error, StringComparison.Ordinal);
        var uncut = await CuveeRun.InProcessAsync("merge", file, "--out", whole, "--json");
        Assert.Equal(0, uncut.Code);
        Assert.InRange(kept, 8, (await File.ReadAllLinesAsync(Path.Combine(whole, "evaluations.jsonl"))).Length - 1);
        await AssertSameResultsAsync(whole, cut);
    }

    [Fact]
    public async Task Merge_Stopped_SaysHowToGoOn()
    {
        var file = zoo.WriteRun(Search.Replace("3000", "80", StringComparison.Ordinal));
        using var stop = new CancellationTokenSource();
        using var error = new WatchedWriter("loss best", stop.Cancel);
        var run = await CuveeRun.InProcessAsync(error, stop.Token, "merge", file);
        Assert.Equal((130, ""), (run.Code, run.Output));
        Assert.EndsWith($"cuvee merge {file} --resume", run.Error.TrimEnd(), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(zoo.Folder, "out", "adapter_model.safetensors")));
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--resume")).Code);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Merge_RealSignal_StopsCleanlyAndResumesToTheSameBytes(string signal)
    {
        var file = zoo.WriteRun(Search);
        var (whole, cut) = (Path.Combine(zoo.Folder, "whole"), Path.Combine(zoo.Folder, "cut"));
        using (var process = await StartUntilFirstGenerationAsync(file, cut))
        {
            await SignalAsync(process, signal);
            var error = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.Equal(130, process.ExitCode);
            Assert.EndsWith($"go on with: cuvee merge {file} --out {cut} --resume", error.TrimEnd(), StringComparison.Ordinal);
        }

        Assert.False(File.Exists(Path.Combine(cut, "merge_manifest.json")));
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--out", cut, "--resume")).Code);
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--out", whole)).Code);
        await AssertSameResultsAsync(whole, cut);
    }

    /// <summary>Commands that look at no token end at once: here one that waits for its recipe.</summary>
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Apply_RealSignal_EndsAndLeavesNothing(string signal)
    {
        var (recipe, target) = (Path.Combine(zoo.Folder, "pipe"), Path.Combine(zoo.Folder, "merged"));
        await Process.Start("mkfifo", recipe).WaitForExitAsync();
        using var process = CuveeRun.Start("apply", "--pool", zoo.PoolFolder, "--recipe", recipe, "--out", target);
        // Opened when it is read; shared, or one of the two would be locked out.
        await using (await Task.Run(() => new FileStream(recipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)))
        {
            await SignalAsync(process, signal);
            await process.WaitForExitAsync();
        }

        Assert.Equal(130, process.ExitCode);
        Assert.DoesNotContain(Directory.GetFileSystemEntries(zoo.Folder), path => path.Contains("merged", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Merge_SecondProcessOnTheFolder_RefusedAndTheFirstIsUnharmed()
    {
        var file = zoo.WriteRun(Search);
        var (whole, shared) = (Path.Combine(zoo.Folder, "whole"), Path.Combine(zoo.Folder, "shared"));
        using (var process = await StartUntilFirstGenerationAsync(file, shared))
        {
            await SignalAsync(process, "STOP"); // frozen, so that it cannot end before the second one has come
            foreach (var more in (string[][])[[], ["--repair"], ["--queries", "100000"]])
            {
                var second = await CuveeRun.InProcessAsync(["merge", file, "--out", shared, "--resume", .. more]);
                Assert.Equal((2, ""), (second.Code, second.Output));
                Assert.Contains("is another run writing here?", second.Error, StringComparison.Ordinal);
            }

            await SignalAsync(process, "CONT");
            await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.Equal(0, process.ExitCode);
        }

        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--out", whole)).Code);
        await AssertSameResultsAsync(whole, shared);
    }

    [Fact]
    public async Task Resume_TestRecordsChanged_RefusedByNameWhereTheTableReadsThem()
    {
        var file = zoo.WriteRun("""
            search: random
            budget: { evaluations: 20 }
            settings: { population: 8 }
            compare: { metric: rouge-l, max_tokens: 2, random_draws: 1 }
            """);
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file)).Code);
        var manifest = Path.Combine(zoo.Folder, "out", "merge_manifest.json");
        var before = await File.ReadAllBytesAsync(manifest);
        await File.AppendAllTextAsync(Path.Combine(zoo.Folder, "test.jsonl"), """{"prompt": "one more", "completion": "record"}""" + "\n");

        var run = await CuveeRun.InProcessAsync("merge", file, "--resume");
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Contains("test", run.Error, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(manifest));
    }

    [Fact]
    public async Task Resume_ParsableButDamagedJournal_NamedThenRepaired()
    {
        var file = zoo.WriteRun(Search);
        var (whole, cut) = (Path.Combine(zoo.Folder, "whole"), Path.Combine(zoo.Folder, "cut"));
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--out", whole)).Code);
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--out", cut)).Code);
        File.Delete(Path.Combine(cut, "merge_manifest.json"));
        var journal = Path.Combine(cut, "observations.jsonl");
        var lines = await File.ReadAllLinesAsync(journal);
        var damaged = JsonNode.Parse(lines[100])!;
        damaged["logprob"] = damaged["logprob"]!.GetValue<double>() / 2;
        lines[100] = damaged.ToJsonString();
        await File.WriteAllTextAsync(journal, string.Join('\n', lines) + "\n");

        var refused = await CuveeRun.InProcessAsync("merge", file, "--out", cut, "--resume");
        Assert.Equal((2, ""), (refused.Code, refused.Output));
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"{journal}, line 101"), refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--out", cut, "--resume", "--repair")).Code);
        await AssertSameResultsAsync(whole, cut);
    }

    /// <summary>Queries that were billed for nothing may use up a budget that the run file can no longer raise.</summary>
    [Fact]
    public async Task Resume_BudgetLostToFailures_SaysWhatGoesOn()
    {
        var file = zoo.WriteRun("search: random\nbudget: { queries: 400 }\nsettings: { population: 8 }");
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file)).Code);
        var path = Path.Combine(zoo.Folder, "out", ObservationJournal.FileName);
        File.Delete(path);
        using (var journal = ObservationJournal.Open(path))
            journal.Append(new QuestionKey("", EvaluationPurpose.Single, 0, 0), "", [], lost: new Expense(400, 0, 0));

        var refused = await CuveeRun.InProcessAsync("merge", file, "--resume");
        Assert.Equal((1, ""), (refused.Code, refused.Output));
        Assert.EndsWith($"go on with: cuvee merge {file} --resume --queries N", refused.Error.TrimEnd(), StringComparison.Ordinal);
        Assert.Equal(0, (await CuveeRun.InProcessAsync("merge", file, "--resume", "--queries", "2000")).Code);
    }

    private static async Task AssertSameResultsAsync(string expected, string actual)
    {
        foreach (var name in Results)
        {
            var (left, right) = (await File.ReadAllBytesAsync(Path.Combine(expected, name)),
                await File.ReadAllBytesAsync(Path.Combine(actual, name)));
            Assert.True(left.SequenceEqual(right), name);
        }
    }

    /// <summary>Progress is written as it happens: the first generation's line means that its answers are in the journal.</summary>
    private static async Task<Process> StartUntilFirstGenerationAsync(string file, string output)
    {
        var process = CuveeRun.Start("merge", file, "--out", output);
        var said = new StringBuilder();
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            said.AppendLine(line);
            if (line.Contains("loss best", StringComparison.Ordinal)) break;
        }

        Assert.False(process.HasExited, said.ToString());
        return process;
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Acts when a line holds a text.</summary>
    private sealed class WatchedWriter(string text, Action act) : StringWriter(new StringBuilder())
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.Contains(text, StringComparison.Ordinal) == true) act();
        }
    }
}
