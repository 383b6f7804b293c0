using Cuvee.LanguageModels;

namespace Cuvee.Tests.LanguageModels;

public class BudgetLanguageModelTests
{
    private static readonly PromptCompletion[] Records = [new("0", "a", "b"), new("1", "c", "d"), new("2", "a", "b"), new("3", "a", "x")];

    [Fact]
    public async Task ScoreAsync_BeyondTheBudget_SendsNothing()
    {
        var inner = new LengthModel();
        var meter = new QueryMeter(maxQueries: 5);
        var model = new BudgetLanguageModel(inner, meter);
        await model.ScoreAsync(Records, CancellationToken.None);
        await Assert.ThrowsAsync<QueryBudgetExceededException>(() => model.ScoreAsync(Records[..2], CancellationToken.None));
        Assert.Equal(4, inner.Scored.Count);
        Assert.Equal(4, meter.Queries);
        await model.ScoreAsync(Records[..1], CancellationToken.None);
        Assert.Equal(5, meter.Queries);
        Assert.Equal(5 * (2 + 3), meter.Tokens);
    }

    [Fact]
    public async Task ScoreAsync_ProviderFails_GivesTheQueriesBack()
    {
        var meter = new QueryMeter(maxQueries: 4);
        var model = new BudgetLanguageModel(new LengthModel { Fails = true }, meter);
        await Assert.ThrowsAsync<LanguageModelException>(() => model.ScoreAsync(Records, CancellationToken.None));
        Assert.Equal(0, meter.Queries);
    }

    [Fact]
    public async Task ScoreAsync_RequestFailsHalfWay_PaysWhatWasBilled()
    {
        var meter = new QueryMeter(maxQueries: 4);
        var model = new BudgetLanguageModel(new LengthModel { Breaks = true }, meter);
        await Assert.ThrowsAsync<PartialAnswersException>(() => model.ScoreAsync(Records, CancellationToken.None));
        Assert.Equal(3, meter.Queries); // one answer, two billed and lost, one given back
        Assert.Equal(5, meter.Tokens);
    }

    [Fact]
    public async Task GenerateAsync_Twice_IsCountedTwice()
    {
        var meter = new QueryMeter();
        var model = new BudgetLanguageModel(new LengthModel(), meter);
        for (var i = 0; i < 2; i++) await model.GenerateAsync(["a", "b"], new GenerationOptions(), CancellationToken.None);
        Assert.Equal((4, 4), (meter.Queries, meter.Tokens));
    }

    /// <summary>Log-probability is a function of the text, so that a wrong pairing shows.</summary>
    private sealed class LengthModel : ILanguageModel
    {
        public bool Fails { get; init; }

        public bool Breaks { get; init; }

        public List<PromptCompletion> Scored { get; } = [];

        public LanguageModelCapabilities Capabilities => new(true, false, true, null);

        public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
            IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
        {
            if (Fails) throw new LanguageModelException("the provider went away");
            if (Breaks)
            {
                throw new PartialAnswersException("the connection broke", lost: 2)
                {
                    Scores = new Dictionary<int, ScoredCompletion> { [1] = new(-1, 2, 3, null) },
                };
            }

            Scored.AddRange(records);
            return Task.FromResult<IReadOnlyList<ScoredCompletion>>(
                [.. records.Select(record => new ScoredCompletion(-record.Prompt[0] - (record.Completion[0] / 1000.0), 2, 3, null))]);
        }

        public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
            IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<GeneratedCompletion>>([.. prompts.Select(prompt =>
                new GeneratedCompletion(prompt, 1, StopReason.EndOfSequence))]);
    }
}
