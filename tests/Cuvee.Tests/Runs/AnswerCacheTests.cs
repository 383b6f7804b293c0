using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Hosting.Caching;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Answers that were paid for once: found again by another run, and only where they hold.</summary>
public sealed class AnswerCacheTests : SoftmaxRuns
{
    private const string Fingerprint = "model=a\npool=b";

    private static readonly WeightedRecipe Recipe = new(
        MergeSpace.Delta, [new AdapterShare("adapter-a", 0.5), new AdapterShare("adapter-b", 0)]);

    private static readonly PromptCompletion[] Records = [new("r", "red", "soup"), new("s", "blue\n", "plum \"river\"")];

    private string Folder => Path.Combine(zoo.Folder, "cache");

    [Fact]
    public async Task ScoreAsync_AskedBefore_IsAnsweredToTheBitWithoutTheHost()
    {
        var (asked, host) = (0, Host());
        var expected = await ScoreAsync(host, Fingerprint, Records);
        var silent = new SoftmaxHost(Names, Pull) { Scoring = _ => asked++ };
        // The same model by another document: adapters of weight 0 change nothing.
        var bare = Recipe with { Adapters = [Recipe.Adapters[0]] };
        var again = await ScoreAsync(silent, Fingerprint, [.. Records.Reverse().Select(record => record with { Id = "other" })], bare);
        Assert.Equal(0, asked);
        foreach (var (first, second) in expected.Zip(again.Reverse()))
        {
            Assert.Equal(first.LogProbability, second.LogProbability);
            Assert.Equal(first.TokenLogProbabilities, second.TokenLogProbabilities);
            Assert.Equal((first.Tokens, first.PromptTokens), (second.Tokens, second.PromptTokens));
        }
    }

    [Theory]
    [InlineData("model=other\npool=b", "red", 0.5)]
    [InlineData(Fingerprint, "green", 0.5)]
    [InlineData(Fingerprint, "red", 0.25)]
    public async Task ScoreAsync_OtherModelRecordOrRecipe_IsAsked(string fingerprint, string prompt, double weight)
    {
        await ScoreAsync(Host(), Fingerprint, Records);
        var host = Host();
        await ScoreAsync(
            host, fingerprint, [Records[0] with { Prompt = prompt }],
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", weight)]));
        Assert.Equal(1, host.ScoredRecords);
    }

    [Theory]
    [InlineData(5, 'x')] // the checksum
    [InlineData(60, '#')] // what it is the checksum of
    public async Task Open_DamagedLine_IsAnAnswerThatIsNotThere(int position, char damage)
    {
        var expected = await ScoreAsync(Host(), Fingerprint, Records);
        var file = Assert.Single(Directory.GetFiles(Folder));
        var text = (await File.ReadAllTextAsync(file)).ToCharArray();
        text[position] = damage;
        await File.WriteAllTextAsync(file, new string(text)[..^1]); // and torn at its end
        var host = Host();
        var again = await ScoreAsync(host, Fingerprint, Records);
        Assert.Equal(1, host.ScoredRecords);
        Assert.Equal(expected.Select(score => score.LogProbability), again.Select(score => score.LogProbability));
        var third = Host();
        await ScoreAsync(third, Fingerprint, Records);
        Assert.Equal(0, third.ScoredRecords);
    }

    [Fact]
    public async Task ScoreAsync_RequestFailsHalfWay_KeepsWhatWasAnswered()
    {
        var failing = new SoftmaxHost(Names, Pull) { BreaksAfterOneAnswer = () => true };
        var error = await Assert.ThrowsAsync<PartialAnswersException>(() => ScoreAsync(failing, Fingerprint, Records));
        Assert.Equal((2, 1), (error.Lost, Assert.Single(error.Scores).Key));
        var host = Host();
        await ScoreAsync(host, Fingerprint, Records);
        Assert.Equal(1, host.ScoredRecords);
    }

    [Fact]
    public async Task GenerateAsync_OtherSettings_AreOtherQuestions()
    {
        var asked = 0;
        var host = new SoftmaxHost(Names, Pull) { Answer = (_, prompt) => $"{prompt} {++asked}" };
        async Task<string> AskAsync(int tokens)
        {
            using var cache = AnswerCache.Open(Folder, Fingerprint);
            await using var lease = await new CachingAdapterHost(host, cache).RealizeAsync(Recipe, CancellationToken.None);
            var options = new GenerationOptions { MaxTokens = tokens };
            return (await lease.Model.GenerateAsync(["red"], options, CancellationToken.None))[0].Text;
        }

        Assert.Equal(("red 1", "red 1", "red 2"), (await AskAsync(5), await AskAsync(5), await AskAsync(6)));
    }

    [Fact]
    public void Open_ByTwo_IsRefused()
    {
        using var first = AnswerCache.Open(Folder, Fingerprint);
        var error = Assert.Throws<BadInputException>(() => AnswerCache.Open(Folder, Fingerprint));
        Assert.Contains("does another run use the cache?", error.Message, StringComparison.Ordinal);
        using var other = AnswerCache.Open(Folder, "model=other");
    }

    [Fact]
    public async Task Run_SecondTime_AsksNobodyAndEndsTheSame()
    {
        var (first, firstEvents) = await CachedRunAsync("first");
        var (second, secondEvents) = await CachedRunAsync("second");
        Assert.Empty(firstEvents.Of<AnswersReused>());
        const int written = 24; // records, asked of the adapter's files afresh
        Assert.Equal(
            second.Spending.Queries + second.ControlSpending.Queries - written, Assert.Single(secondEvents.Of<AnswersReused>()).Count);
        Assert.Equal(first.Spending, second.Spending);
        Assert.Equal(RecipeJson.Serialize(first.Recipe), RecipeJson.Serialize(second.Recipe));
    }

    /// <summary>A file of the system's own that refuses such text stands in for one on a full disk.</summary>
    [Fact]
    public async Task Run_CacheCannotBeWritten_GoesOnAndSaysSo()
    {
        var (first, firstEvents) = await CachedRunAsync("first");
        Assert.Empty(firstEvents.Of<CacheDoubt>());
        var file = Assert.Single(Directory.GetFiles(Folder));
        File.Delete(file);
        File.CreateSymbolicLink(file, "/proc/self/oom_score_adj");

        var (second, events) = await CachedRunAsync("second");

        Assert.StartsWith($"{file}: cannot be written (", Assert.Single(events.Of<CacheDoubt>()).Message, StringComparison.Ordinal);
        Assert.Empty(events.Of<AnswersReused>());
        Assert.Equal(first.Spending, second.Spending);
        Assert.Equal(RecipeJson.Serialize(first.Recipe), RecipeJson.Serialize(second.Recipe));
    }

    private async Task<(RunResult Result, EventLog Events)> CachedRunAsync(string output)
    {
        var events = new EventLog();
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure("search: fisher-probing\nbudget: { queries: 300 }\ncache: cache", output)));
        return ((await new MergeRun(TimeProvider.System, events).ExecuteAsync([plan], CancellationToken.None)).Results[0], events);
    }

    private async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        SoftmaxHost host, string fingerprint, IReadOnlyList<PromptCompletion> records, MergeRecipe? recipe = null)
    {
        using var cache = AnswerCache.Open(Folder, fingerprint);
        await using var lease = await new CachingAdapterHost(host, cache).RealizeAsync(recipe ?? Recipe, CancellationToken.None);
        return await lease.Model.ScoreAsync(records, CancellationToken.None);
    }
}
