using System.Text;
using Cuvee.Configuration;
using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Runs that were cut off, damaged, continued or given a larger budget.</summary>
public sealed class ResumeTests : SoftmaxRuns
{
    [Theory]
    [InlineData(BothStages)]
    [InlineData("search: fisher-probing\nseed: 5\nbudget: { queries: 700 }\nsettings: { probe_records: 5, line_search_records: 9 }")]
    [InlineData("search: natural-niches\nseed: 5\nbudget: { queries: 600 }\nsettings: { starts: 3, held_out: 0.25 }")]
    public async Task ExecuteAsync_KilledAtAnyByteAndResumed_EqualsNeverStopped(string settings)
    {
        var whole = await RunAsync(zoo.Configure(settings, "whole"));
        var journal = Bytes("whole", ObservationJournal.FileName);
        var lines = Encoding.UTF8.GetString(journal).Split('\n').Length - 1;
        // Lines all over the run, in turn cut cleanly, in mid-line and just before the line feed.
        for (var (line, kind) = (1, 0); line < lines; (line, kind) = (line + (lines / 6), kind + 1))
        {
            var end = EndOfLine(journal, line);
            var cut = new[] { end, end + 25, EndOfLine(journal, line + 1) - 1 }[kind % 3];
            var output = $"cut-{cut}";
            CopyCut("whole", output, cut);
            var resumed = await RunAsync(zoo.Configure(settings, output), resume: true);
            AssertSameResults("whole", output);
            Assert.Equal(whole.Spending, resumed.Spending);
        }
    }

    [Fact]
    public async Task ExecuteAsync_FinishedRunResumed_AsksNoQuery()
    {
        await RunAsync(zoo.Configure(BothStages));
        var host = Host();
        var log = new EventLog();
        await RunAsync(zoo.Configure(BothStages), resume: true, host, log);
        Assert.Equal(0, host.ScoredRecords);
        Assert.Single(log.Of<RunResumed>());
        Assert.All(log.Of<CandidateEvaluated>(), candidate => Assert.True(candidate.Replayed));
    }

    [Fact]
    public async Task ExecuteAsync_ResumedWithAnotherSetting_NamesIt()
    {
        await RunAsync(zoo.Configure(BothStages));
        var error = await Assert.ThrowsAsync<BadInputException>(
            () => RunAsync(zoo.Configure(BothStages.Replace("population: 6", "population: 7", StringComparison.Ordinal)), resume: true));
        Assert.Contains("search.settings.population", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("template: mistral", "'template'")]
    [InlineData("completion_end: none", "'completion_end'")]
    public async Task ExecuteAsync_ResumedUnderAnotherTextRule_NamesIt(string line, string expected)
    {
        await RunAsync(zoo.Configure(BothStages));
        var error = await Assert.ThrowsAsync<BadInputException>(() => RunAsync(zoo.Configure($"{BothStages}\n{line}"), resume: true));
        Assert.Contains($"differs in {expected}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_ResumedWithAChangedAdapter_NamesTheFile()
    {
        await RunAsync(zoo.Configure(BothStages));
        zoo.WriteAdapter("adapter-b", 2, seed: 77);
        var error = await Assert.ThrowsAsync<BadInputException>(() => RunAsync(zoo.Configure(BothStages), resume: true));
        Assert.Contains("pool/adapter-b/adapter_model.safetensors", error.Message, StringComparison.Ordinal);
    }

    /// <summary>What a process leaves that ended before it had written run.json.</summary>
    [Theory]
    [InlineData("", true)]
    [InlineData("{}\n", false)]
    public void Plan_JournalWithoutARun_IsFreeWhileItIsEmpty(string journal, bool isFree)
    {
        var output = Directory.CreateDirectory(Path.Combine(zoo.Folder, "out")).FullName;
        File.WriteAllText(Path.Combine(output, ObservationJournal.FileName), journal);
        foreach (var resume in (bool[])[false, true])
        {
            IReadOnlyList<RunPlan> Plan() => RunPlanner.Plan(zoo.Configure(BothStages), resume);
            if (isFree) Assert.Single(Plan());
            else Assert.Contains("it is no run to resume", Assert.Throws<BadInputException>(Plan).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ExecuteAsync_ProviderFails_LeavesAJournalToResume()
    {
        await RunAsync(zoo.Configure(BothStages, "whole"));
        var calls = 0;
        var failing = new SoftmaxHost(Names, Pull)
        {
            Scoring = _ =>
            {
                if (++calls == 30) throw new LanguageModelException("the provider went away");
            },
        };
        await Assert.ThrowsAsync<LanguageModelException>(() => RunAsync(zoo.Configure(BothStages), host: failing));
        Assert.False(File.Exists(Path.Combine(zoo.Folder, "out", RunWriter.ManifestFileName)));
        await RunAsync(zoo.Configure(BothStages), resume: true);
        AssertSameResults("whole", "out");
    }

    [Fact]
    public async Task ExecuteAsync_RequestFailsHalfWay_KeepsWhatWasAnsweredAndCountsWhatWasLost()
    {
        var whole = await RunAsync(zoo.Configure(BothStages, "whole"));
        var calls = 0;
        var failing = new SoftmaxHost(Names, Pull) { BreaksAfterOneAnswer = () => ++calls == 30 };
        var first = await Assert.ThrowsAsync<PartialAnswersException>(() => RunAsync(zoo.Configure(BothStages), host: failing));
        Assert.Equal(2, first.Lost);
        var host = Host();
        var resumed = await RunAsync(zoo.Configure(BothStages), resume: true, host);
        Assert.Equal(2, resumed.Spending.Lost);
        Assert.Equal(whole.Spending.Queries + 2, resumed.Spending.Queries);
        Assert.True(resumed.Spending.Tokens > whole.Spending.Tokens, "what was billed took tokens");
        // Nothing answered is asked again.
        Assert.Equal(whole.Spending.Queries, failing.ScoredRecords + host.ScoredRecords);
        Assert.Equal(2, Manifest(resumed)["queries_lost"]!.GetValue<int>());
        Assert.Equal(Bytes("whole", "adapter_model.safetensors"), Bytes("out", "adapter_model.safetensors"));
    }

    [Fact]
    public async Task ExecuteAsync_DamagedButParsableJournal_NamesTheLineAndGoesOnWhenAsked()
    {
        await RunAsync(zoo.Configure(BothStages, "whole"));
        var journal = Encoding.UTF8.GetString(Bytes("whole", ObservationJournal.FileName)).Split('\n');
        var damaged = Array.FindIndex(journal, 100, line => line.Contains("\"logprob\":-", StringComparison.Ordinal));
        journal[damaged] = journal[damaged].Replace("\"logprob\":-", "\"logprob\":-1", StringComparison.Ordinal); // still good JSON
        CopyCut("whole", "out", 0);
        await File.WriteAllTextAsync(Path.Combine(zoo.Folder, "out", ObservationJournal.FileName), string.Join('\n', journal));

        var error = await Assert.ThrowsAsync<BadInputException>(() => RunAsync(zoo.Configure(BothStages), resume: true));
        Assert.Contains($"{ObservationJournal.FileName}, line {damaged + 1}: damaged", error.Message, StringComparison.Ordinal);
        await RunAsync(zoo.Configure(BothStages), resume: true, options: new RunOptions(Repair: true));
        AssertSameResults("whole", "out");
    }

    [Fact]
    public async Task ExecuteAsync_FinishedRunGivenMoreQueries_GoesOnWhereItStood()
    {
        const string Small = Weights + "settings: { population: 6, sample: 6, held_out: 0 }\nbudget: { queries: 400 }";
        var first = await RunAsync(zoo.Configure(Small));
        var host = Host();
        var larger = await RunAsync(
            zoo.Configure(Small), resume: true, host, options: new RunOptions(LargerBudget: new RunBudget(null, 1000)));
        Assert.True(larger.Stages[0].Iterations > first.Stages[0].Iterations);
        Assert.True(host.ScoredRecords < larger.Spending.Queries, "what the journal holds is not asked again");
        Assert.InRange(larger.Spending.Queries, 900, 1000);

        // The same as a run that had the larger budget from the start, apart from what the first end asked for.
        var straight = await RunAsync(zoo.Configure(Small.Replace("400", "1000", StringComparison.Ordinal), "straight"));
        Assert.Equal(straight.Stages[0].Iterations, larger.Stages[0].Iterations, 3.0);

        // Without a number the run keeps its last budget; a smaller one is refused.
        var again = await RunAsync(zoo.Configure(Small), resume: true);
        Assert.Equal(larger.Stages[0].Iterations, again.Stages[0].Iterations);
        var error = await Assert.ThrowsAsync<BadInputException>(
            () => RunAsync(zoo.Configure(Small), resume: true, options: new RunOptions(LargerBudget: new RunBudget(null, 500))));
        Assert.Contains("only a larger one", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The first stage keeps its end, whatever the end of the second had cost.</summary>
    [Theory]
    [InlineData("search: evo-merging\nspace: delta\nseed: 5\nsettings: { population: 6, sample: 6, held_out: 0.25, check_every: 2 }\n")]
    [InlineData("search: fisher-probing\nseed: 5\nsettings: { probe_records: 3, line_search_records: 6, layer_adapters: 2 }\n")]
    public async Task ExecuteAsync_TwoStagesGivenMoreQueries_KeepTheFirst(string search)
    {
        for (var queries = 600; queries < 680; queries += 11)
        {
            var small = $"{search}budget: {{ queries: {queries} }}";
            var output = $"out-{queries}";
            var first = await RunAsync(zoo.Configure(small, output));
            Assert.Equal(2, first.Stages.Count);
            var more = new RunOptions(LargerBudget: new RunBudget(null, 1500));
            var larger = await RunAsync(zoo.Configure(small, output), resume: true, options: more);
            Assert.Equal(first.Stages[0], larger.Stages[0] with { Recipe = first.Stages[0].Recipe, Front = first.Stages[0].Front });
            Assert.True(larger.Stages[1].Iterations > first.Stages[1].Iterations || first.Stages[1].StopReason != "budget");
            AssertBillOfTheJournal(larger, atMost: 1500);
        }
    }

    [Theory]
    [InlineData("cma-es", "population: 6, sample: 6, held_out: 0.25, check_every: 1")]
    [InlineData("fisher-probing", "probe_records: 5, line_search_records: 9, layer_adapters: 0, held_out: 0.25")]
    public async Task ExecuteAsync_GivenTheSameOrHardlyMoreQueriesAgain_EndsWhereItHadEnded(string search, string settings)
    {
        var configuration = zoo.Configure($"search: {search}\nseed: 5\nsettings: {{ {settings} }}\nbudget: {{ queries: 400 }}");
        await RunAsync(configuration);
        var once = await RunAsync(configuration, resume: true, options: new RunOptions(LargerBudget: new RunBudget(null, 700)));
        foreach (var queries in new[] { 700, 701, 702 })
        {
            var host = Host();
            var more = new RunOptions(LargerBudget: new RunBudget(null, queries));
            var again = await RunAsync(configuration, resume: true, host, options: more);
            Assert.Equal(0, host.ScoredRecords);
            Assert.Equal(once.Spending, again.Spending);
            Assert.Equal(once.ValidationLoss, again.ValidationLoss);
        }

        var further = await RunAsync(configuration, resume: true, options: new RunOptions(LargerBudget: new RunBudget(null, 1200)));
        Assert.True(further.Stages[0].Iterations > once.Stages[0].Iterations || once.Stages[0].StopReason != "budget");
        AssertBillOfTheJournal(further, atMost: 1200);
    }

    /// <summary>What was lost late is on the bill from the first question on, and must not end the search before its answers.</summary>
    [Theory]
    [InlineData("search: fisher-probing\nseed: 5\nsettings: { probe_records: 5, line_search_records: 9 }\n")]
    [InlineData("search: natural-niches\nseed: 5\nsettings: { starts: 3, held_out: 0.25 }\n")]
    [InlineData("search: evo-merging\nspace: delta\nseed: 5\nsettings: { population: 6, sample: 6 }\n")]
    public async Task ExecuteAsync_RequestFailsLate_GoesOn(string search)
    {
        for (var queries = 700; queries < 760; queries += 7)
        {
            var configuration = zoo.Configure($"{search}budget: {{ queries: {queries} }}", $"out-{queries}");
            var whole = await RunAsync(zoo.Configure($"{search}budget: {{ queries: {queries} }}", $"whole-{queries}"));
            var scored = 0;
            var failing = new SoftmaxHost(Names, Pull)
            {
                Scoring = records => scored += records.Count,
                BreaksAfterOneAnswer = () => scored > 0.7 * whole.Spending.Queries && scored > 0,
            };
            await Assert.ThrowsAsync<PartialAnswersException>(() => RunAsync(configuration, host: failing));
            var resumed = await RunAsync(configuration, resume: true);
            Assert.Equal(2, resumed.Spending.Lost);
            Assert.InRange(resumed.Spending.Queries, whole.Spending.Queries / 2, queries);
        }
    }

    [Fact]
    public async Task ExecuteAsync_Resumed_WallTimeAddsUp()
    {
        var clock = new SteppingClock();
        var whole = await RunAsync(zoo.Configure(BothStages, "whole"), clock: clock);
        CopyCut("whole", "out", Bytes("whole", ObservationJournal.FileName).Length / 2);
        var resumed = await RunAsync(zoo.Configure(BothStages), resume: true, clock: new SteppingClock());
        // Each look at the clock is a second later; half the looks were the first process's.
        Assert.InRange(resumed.WallTime.TotalSeconds, 0.8 * whole.WallTime.TotalSeconds, 1.2 * whole.WallTime.TotalSeconds);
        Assert.True(whole.WallTime.TotalSeconds > 20);
    }

    /// <summary>Every answer is paid once, whichever end asked for it.</summary>
    private static void AssertBillOfTheJournal(RunResult result, int atMost)
    {
        using var journal = ObservationJournal.Open(Path.Combine(result.Out, ObservationJournal.FileName));
        Assert.Equal(
            journal.ExpenseByIteration(_ => true).Values.Sum(expense => expense.Queries),
            result.Spending.Queries + result.ControlSpending.Queries);
        Assert.True(result.Spending.Queries <= atMost, $"{result.Spending.Queries} of {atMost} queries");
    }

    /// <summary>What a killed process leaves: the identity and the first bytes of the journal.</summary>
    private void CopyCut(string from, string to, int length)
    {
        var folder = Directory.CreateDirectory(Path.Combine(zoo.Folder, to)).FullName;
        File.Copy(Path.Combine(zoo.Folder, from, RunIdentity.FileName), Path.Combine(folder, RunIdentity.FileName));
        File.WriteAllBytes(Path.Combine(folder, ObservationJournal.FileName), Bytes(from, ObservationJournal.FileName)[..length]);
    }

    /// <summary>Offset after the line feed of the 1-based line.</summary>
    private static int EndOfLine(byte[] journal, int line)
    {
        var end = 0;
        for (var i = 0; i < line; i++) end = Array.IndexOf(journal, (byte)'\n', end) + 1;
        return end;
    }

    /// <summary>Every look is one second after the last.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private long looks;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Increment(ref looks);
    }
}
