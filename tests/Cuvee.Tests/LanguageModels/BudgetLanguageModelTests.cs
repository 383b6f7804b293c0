using Cuvee.LanguageModels;

namespace Cuvee.Tests.LanguageModels;

public class BudgetLanguageModelTests
{
    private static readonly PromptCompletion[] Records = [new("0", "a", "b"), new("1", "c", "d"), new("2", "a", "b"), new("3", "a", "x")];

    [Fact]
    public async Task ScoreAsync_BeyondTheBudget_SendsNothing()
    {
        var inner = new LengthModel();
        var meter = new QueryMeter(new SpendingLimits(Queries: 5));
        var model = new BudgetLanguageModel(inner, meter);
        await model.ScoreAsync(Records, CancellationToken.None);
        await Assert.ThrowsAsync<QueryBudgetExceededException>(() => model.ScoreAsync(Records[..2], CancellationToken.None));
        Assert.Equal(4, inner.Scored.Count);
        Assert.Equal(4, meter.Spent.Queries);
        await model.ScoreAsync(Records[..1], CancellationToken.None);
        Assert.Equal(5, meter.Spent.Queries);
        Assert.Equal(5 * (2 + 3), meter.Spent.Tokens);
    }

    [Fact]
    public async Task ScoreAsync_ProviderFails_GivesTheQueriesBack()
    {
        var meter = new QueryMeter(new SpendingLimits(Queries: 4));
        var model = new BudgetLanguageModel(new LengthModel { Fails = true }, meter);
        await Assert.ThrowsAsync<LanguageModelException>(() => model.ScoreAsync(Records, CancellationToken.None));
        Assert.Equal(0, meter.Spent.Queries);
    }

    [Fact]
    public async Task ScoreAsync_RequestFailsHalfWay_PaysWhatWasBilled()
    {
        var meter = new QueryMeter(new SpendingLimits(Queries: 4));
        var model = new BudgetLanguageModel(new LengthModel { Breaks = true }, meter);
        await Assert.ThrowsAsync<PartialAnswersException>(() => model.ScoreAsync(Records, CancellationToken.None));
        Assert.Equal(3, meter.Spent.Queries); // one answer, two billed and lost, one given back
        Assert.Equal(5, meter.Spent.Tokens);
    }

    [Fact]
    public async Task GenerateAsync_Twice_IsCountedTwice()
    {
        var meter = new QueryMeter();
        var model = new BudgetLanguageModel(new LengthModel(), meter);
        for (var i = 0; i < 2; i++) await model.GenerateAsync(["a", "b"], new GenerationOptions(), CancellationToken.None);
        Assert.Equal(new Expense(4, 12, 4), meter.Spent);
    }

    [Theory]
    [InlineData(40.0, null, 2, "budget of 40 tokens (40 are spent).")]
    [InlineData(39.0, null, 1, "budget of 39 tokens (20 are spent).")]
    [InlineData(null, 140e-6, 2, "cost")] // four records: 12 prompt tokens at 2 and 8 at 5 for a million, 64e-6
    public async Task ScoreAsync_TokensOrMoneyAtTheirEnd_SendsNothing(double? tokens, double? cost, int affordable, string expected)
    {
        var inner = new LengthModel();
        var meter = new QueryMeter(new SpendingLimits(Tokens: tokens, Cost: cost), new TokenPrice(2, 5));
        var model = new BudgetLanguageModel(inner, meter, new Expense(0, 12, 8));
        for (var i = 0; i < affordable; i++) await model.ScoreAsync(Records, CancellationToken.None);
        var error = await Assert.ThrowsAsync<QueryBudgetExceededException>(() => model.ScoreAsync(Records, CancellationToken.None));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(tokens is null ? "cost" : "tokens", error.Limit);
        Assert.Equal(4 * affordable, inner.Scored.Count);
    }

    /// <summary>What two requests may take together is held back while both are under way.</summary>
    [Fact]
    public async Task ScoreAsync_TwoRequestsAtOnce_CannotPassTheBudgetTogether()
    {
        var answer = new TaskCompletionSource();
        var meter = new QueryMeter(new SpendingLimits(Tokens: 30));
        var model = new BudgetLanguageModel(new LengthModel { Waits = answer.Task }, meter, new Expense(0, 12, 8));
        var first = model.ScoreAsync(Records, CancellationToken.None);
        await Assert.ThrowsAsync<QueryBudgetExceededException>(() => model.ScoreAsync(Records, CancellationToken.None));
        answer.SetResult();
        await first;
        Assert.Equal(new Expense(4, 12, 8), meter.Spent);
    }

    [Fact]
    public async Task ScoreAsync_RequestFailsHalfWay_LostQueriesTakeTheirShareOfTheBound()
    {
        var meter = new QueryMeter();
        var model = new BudgetLanguageModel(new LengthModel { Breaks = true }, meter, new Expense(0, 12, 8));
        await Assert.ThrowsAsync<PartialAnswersException>(() => model.ScoreAsync(Records, CancellationToken.None));
        Assert.Equal(new Expense(3, 3 + 6, 2 + 4), meter.Spent);
    }

    /// <summary>Log-probability is a function of the text, so that a wrong pairing shows.</summary>
    private sealed class LengthModel : ILanguageModel
    {
        public bool Fails { get; init; }

        public bool Breaks { get; init; }

        /// <summary>Waited for before every answer.</summary>
        public Task Waits { get; init; } = Task.CompletedTask;

        public List<PromptCompletion> Scored { get; } = [];

        public LanguageModelCapabilities Capabilities => new(true, false, true, null);

        public async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
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

            await Waits;
            Scored.AddRange(records);
            return [.. records.Select(record => new ScoredCompletion(-record.Prompt[0] - (record.Completion[0] / 1000.0), 2, 3, null))];
        }

        public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
            IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<GeneratedCompletion>>([.. prompts.Select(prompt =>
                new GeneratedCompletion(prompt, 1, StopReason.EndOfSequence, PromptTokens: 3))]);
    }
}
