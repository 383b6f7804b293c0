using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Budgets of tokens and money: never passed, used up, kept over a resume.</summary>
public sealed class SpendingTests : SoftmaxRuns
{
    private const string Search = Weights + "settings: { population: 6, sample: 6, held_out: 0 }\n";
    private const double Prompt = 20;
    private const double Completion = 90;

    [Theory]
    [InlineData("tokens: 8000", 8000, null)]
    [InlineData("tokens: 12500, evaluations: 1000", 12500, null)]
    [InlineData("cost: 0.4", null, 0.4)]
    [InlineData("queries: 100000, tokens: 9000, cost: 50", 9000, null)]
    public async Task ExecuteAsync_TokensOrMoney_AreUsedUpAndNeverPassed(string budget, int? tokens, double? cost)
    {
        var host = Host();
        var result = await RunAsync(Priced($"{Search}budget: {{ {budget} }}"), host: host);
        var spent = tokens is null ? result.Spending.Cost!.Value : result.Spending.Tokens;
        Assert.InRange(spent, 0.5 * (tokens ?? cost!.Value), tokens ?? cost!.Value);
        Assert.Equal("budget", result.Stages[0].StopReason);
        Assert.True(result.Stages[0].Iterations > 1);
        Assert.True(result.ValidationLoss <= result.StartLoss);
        Assert.True(File.Exists(Path.Combine(result.Out, RunWriter.RecipeFileName)));

        // The bill is what was asked, token by token.
        var lines = EvaluationLog.Read(Path.Combine(result.Out, EvaluationLog.FileName)).ToList();
        Assert.Equal(lines.Sum(line => line.Tokens), result.Spending.Tokens + result.ControlSpending.Tokens);
        var manifest = Manifest(result);
        Assert.Equal(result.Spending.Cost, manifest["cost"]!.GetValue<double>());
        Assert.Equal(Prompt, manifest["price"]!["prompt"]!.GetValue<double>());
    }

    [Theory]
    [InlineData("tokens: 8000")]
    [InlineData("cost: 0.4")]
    public async Task ExecuteAsync_StoppedAndResumed_SpendsWhatTheWholeRunSpends(string budget)
    {
        var configuration = Priced($"{Search}budget: {{ {budget} }}", "whole");
        var whole = await RunAsync(configuration);
        var calls = 0;
        var failing = new SoftmaxHost(Names, Pull)
        {
            Scoring = _ =>
            {
                if (++calls == 30) throw new LanguageModelException("the provider went away");
            },
        };
        var again = Priced($"{Search}budget: {{ {budget} }}");
        await Assert.ThrowsAsync<LanguageModelException>(() => RunAsync(again, host: failing));
        var host = Host();
        var resumed = await RunAsync(again, resume: true, host);
        Assert.Equal(whole.Spending, resumed.Spending);
        Assert.Equal(whole.Spending.Queries, failing.ScoredRecords + host.ScoredRecords);
        AssertSameResults("whole", "out");
    }

    [Fact]
    public async Task ExecuteAsync_MoreTokensForAFinishedRun_GoesOnAndRemembersWhatItsEndTook()
    {
        var configuration = Priced($"{Search}budget: {{ tokens: 8000 }}");
        var first = await RunAsync(configuration);
        var larger = await RunAsync(configuration, resume: true, options: new RunOptions(LargerBudget: new RunBudget(null, null, 16_000)));
        Assert.True(larger.Stages[0].Iterations > first.Stages[0].Iterations);
        Assert.InRange(larger.Spending.Tokens, 8001, 16_000);

        // Every answer of both ends is in the journal, and on the bill once.
        using (var journal = ObservationJournal.Open(Path.Combine(larger.Out, ObservationJournal.FileName)))
        {
            Assert.Equal(
                journal.ExpenseByIteration(_ => true).Values.Sum(each => each.Tokens),
                larger.Spending.Tokens + larger.ControlSpending.Tokens);
        }

        var error = await Assert.ThrowsAsync<BadInputException>(
            () => RunAsync(configuration, resume: true, options: new RunOptions(LargerBudget: new RunBudget(null, null, 15_000))));
        Assert.Contains("has a budget of 16000 tokens; only a larger one", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_ResumedAtAnotherPrice_IsRefusedWhereMoneyIsTheLimit()
    {
        await RunAsync(Priced($"{Search}budget: {{ cost: 0.4 }}"));
        var dearer = Priced($"{Search}budget: {{ cost: 0.4 }}") with { Price = new TokenPrice(Prompt, 2 * Completion) };
        var error = await Assert.ThrowsAsync<BadInputException>(() => RunAsync(dearer, resume: true));
        Assert.Contains("differs in 'price.completion'", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Answers cost as much as they may be long, until they are there.</summary>
    [Fact]
    public async Task ExecuteAsync_AnswersWithoutUsage_AreRefusedWhereTokensAreLimited()
    {
        var host = new SoftmaxHost(Names, Pull) { Answer = (_, _) => "soup" };
        var configuration = Priced($"{Search}objective: exact-match\nbudget: {{ tokens: 60000 }}");
        var error = await Assert.ThrowsAsync<LanguageModelException>(() => RunAsync(configuration, host: host));
        Assert.Contains("does not tell how many tokens", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokens: 500", "budget.tokens is too small")]
    [InlineData("cost: 0.01", "budget.cost is too small")]
    public async Task Plan_BudgetBelowOneGeneration_NamesTheSmallestThatWorks(string budget, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Priced($"{Search}budget: {{ {budget} }}")));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        var least = error.Message.Split("at least ")[1].TrimEnd('.');
        var result = await RunAsync(Priced($"{Search}budget: {{ {budget.Split(':')[0]}: {least} }}"));
        Assert.NotEmpty(result.Stages);
    }

    [Fact]
    public void Plan_TokensAndPrices_ForecastsQueriesTokensAndMoney()
    {
        var plan = Assert.Single(RunPlanner.Plan(Priced($"{Search}budget: {{ tokens: 8000 }}")));
        var perQuery = plan.Expenses.Expected.Tokens / (double)plan.Validation.Count;
        Assert.Equal(8000 / perQuery, plan.Forecast.Queries!.Value, 1.0);
        Assert.Equal(8000, plan.Forecast.Tokens!.Value, perQuery * (1 + plan.Forecast.ControlQueries));
        Assert.InRange(plan.Forecast.Cost!.Value, 1e-6 * Prompt * 8000, 1e-6 * Completion * 8000);
    }

    [Fact]
    public void Learn_AnswerTellsItsPrompt_ReplacesTheEstimate()
    {
        var expenses = RecordExpenses.Estimate([new("0", "name the soup", "plum"), new("1", "赤い石の名前", "川")], maxTokens: 7);
        Assert.Equal(new Expense(2, (5 + 12) + (6 + 12), 14), expenses.All(ObservationKind.Answer));
        expenses.Learn(0, ObservationKind.Answer, new Observation(double.NaN, 1, 4, null, "plum"));
        expenses.Learn(1, ObservationKind.Answer, new Observation(double.NaN, 1, 0, null, "?")); // tells nothing
        Assert.Equal(new Expense(2, 4 + 18, 14), expenses.All(ObservationKind.Answer));
        Assert.Equal(new Expense(1, 4, 3), expenses.Of(ObservationKind.Score, [0]));
    }

    private RunConfiguration Priced(string more, string output = "out") =>
        zoo.Configure(more, output, model: $"{{ path: {zoo.ModelFolder}, price: {{ prompt: {Prompt}, completion: {Completion} }} }}");
}
