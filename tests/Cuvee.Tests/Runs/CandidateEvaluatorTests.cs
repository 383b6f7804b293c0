using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Objectives;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

public sealed class CandidateEvaluatorTests : IDisposable
{
    private static readonly string[] Names = ["adapter-a"];

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-evaluator-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task EvaluateAsync_BatchLargerThanTheCache_TellsWhatTheCacheHeldWhenItBegan()
    {
        var host = new SoftmaxHost(Names, [1]);
        using var journal = ObservationJournal.Open(Path.Combine(folder, ObservationJournal.FileName));
        using var log = EvaluationLog.Open(Path.Combine(folder, EvaluationLog.FileName), restart: true);
        var evaluator = new CandidateEvaluator(
            host, journal, log, new GenerationOptions(), givesTokens: true, TimeProvider.System, cachedObservations: 3);
        var records = new RecordSource("test", [.. Enumerable.Range(0, 5).Select(i => new PromptCompletion($"{i}", $"red {i}", "plum"))]);
        Question Ask(int trial, double weight, params int[] asked) => new(
            new QuestionKey("stage", EvaluationPurpose.Search, 0, trial),
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", weight)]), records, asked, new CrossEntropyObjective());
        async Task<IReadOnlyList<double>> LossesAsync(params Question[] questions) =>
            [.. (await evaluator.EvaluateAsync(questions, new Account(), CancellationToken.None)).Select(evaluation => evaluation.Loss)];

        var first = await LossesAsync(Ask(0, 1, 0, 1));
        var batch = await LossesAsync(Ask(1, 0.5, 2, 3, 4), Ask(2, 1, 0, 1));
        Assert.Equal((first[0], 5), (batch[1], host.ScoredRecords));
        Assert.Equal(first, await LossesAsync(Ask(3, 1, 0, 1)));
        Assert.Equal(7, host.ScoredRecords); // the oldest had to leave
    }

    [Fact]
    public async Task EvaluateAsync_ProviderFails_WorkingTimeIsKept()
    {
        var clock = new HandClock();
        var host = new SoftmaxHost(Names, [1])
        {
            Scoring = _ =>
            {
                clock.Now += 5 * clock.TimestampFrequency;
                throw new LanguageModelException("the provider went away");
            },
        };
        var path = Path.Combine(folder, ObservationJournal.FileName);
        var records = new RecordSource("test", [new PromptCompletion("0", "red", "plum")]);
        var question = new Question(
            new QuestionKey("stage", EvaluationPurpose.Search, 0, 0),
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 1)]), records, records.All, new CrossEntropyObjective());
        using (var journal = ObservationJournal.Open(path))
        {
            using var log = EvaluationLog.Open(Path.Combine(folder, EvaluationLog.FileName), restart: true);
            var evaluator = new CandidateEvaluator(host, journal, log, new GenerationOptions(), givesTokens: true, clock);
            await Assert.ThrowsAsync<LanguageModelException>(
                () => evaluator.EvaluateAsync([question], new Account(), CancellationToken.None));
        }

        using var again = ObservationJournal.Open(path);
        again.Replay(question.Key, question.ModelKey, question.Records); // to the end
        Assert.Equal(5, again.EarlierSeconds);
    }

    private sealed class HandClock : TimeProvider
    {
        public long Now { get; set; }

        public override long GetTimestamp() => Now;
    }
}
