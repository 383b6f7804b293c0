using System.Security.Cryptography;
using Cuvee.Events;
using Cuvee.Hosting;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee;

/// <summary>
/// Answers one question: from the journal where an earlier process already did, else by queries, journalled before they count.
/// Candidates are realised one after
/// another: the journal's order is the order of the questions.
/// </summary>
internal sealed class CandidateEvaluator(IAdapterHost host, Journal journal, RunPlan plan)
{
    private readonly ScoreCache cache = new();
    private readonly QueryMeter meter = new(plan.Search.Budget.Queries);
    private int evaluations;

    public RunSpending Spending => new(evaluations, meter.Queries, meter.Tokens);

    /// <summary>Queries that scoring these records under this recipe would cost now.</summary>
    public int CostOf(MergeRecipe recipe, IReadOnlyList<int> records)
    {
        var key = KeyOf(recipe);
        return records.Count(record => !cache.TryGet(key, plan.Validation[record], out _));
    }

    /// <summary>True when this much more stays inside <paramref name="share"/> of the run's budget.</summary>
    public bool Affords(long moreEvaluations, long moreQueries, double share) =>
        !(evaluations + moreEvaluations > plan.Search.Budget.Evaluations * share)
            && !(meter.Queries + moreQueries > plan.Search.Budget.Queries * share);

    /// <exception cref="JournalException">The journal answers another question here.</exception>
    /// <exception cref="LanguageModelException">The provider failed; nothing is journalled.</exception>
    public async Task<(Evaluation Evaluation, bool Replayed)> EvaluateAsync(
        Stage stage, ISearchSpace space, JournalLine question, CancellationToken cancellationToken)
    {
        var recipe = space.Decode(question.Point);
        var key = KeyOf(recipe);
        PromptCompletion[] sample = [.. question.Records.Select(record => plan.Validation[record])];
        if (journal.Replay(question) is { } line)
        {
            for (var i = 0; i < sample.Length; i++) cache.Add(key, sample[i], line.Score(i));
            meter.Book(line.Queries, line.Tokens);
            evaluations++;
            return (stage.Objective.Evaluate([.. sample.Select((_, i) => line.Score(i))], question.Point), true);
        }

        var before = Spending;
        Evaluation evaluation;
        await using (var lease = await host.RealizeAsync(recipe, cancellationToken).ConfigureAwait(false))
        {
            var model = new CachingLanguageModel(new BudgetLanguageModel(lease.Model, meter), cache, key);
            evaluation = await stage.Objective.EvaluateAsync(model, sample, question.Point, cancellationToken).ConfigureAwait(false);
        }

        journal.Append(question with
        {
            Loss = evaluation.Loss,
            Penalty = evaluation.Penalty,
            LogProbabilities = [.. evaluation.PerExample.Select(score => score.LogProbability)],
            AnswerTokens = [.. evaluation.PerExample.Select(score => score.Tokens)],
            TokenLogProbabilities = stage.NeedsTokenLogProbabilities
                && evaluation.PerExample.All(score => score.TokenLogProbabilities is not null)
                ? [.. evaluation.PerExample.Select(score => score.TokenLogProbabilities!)]
                : null,
            Queries = (int)(meter.Queries - before.Queries),
            Tokens = meter.Tokens - before.Tokens,
        });
        evaluations++;
        return (evaluation, false);
    }

    /// <summary>The recipe's bytes, shortened.</summary>
    private static string KeyOf(MergeRecipe recipe) => Convert.ToHexString(SHA256.HashData(RecipeJson.Serialize(recipe)));
}
