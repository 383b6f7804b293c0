using Cuvee.LanguageModels;

namespace Cuvee.Objectives;

/// <summary>
/// Mean negative log-likelihood per answer token in nats, end-of-sequence included, prompt tokens not, plus <c>lambda * mean |x|</c>
/// (arXiv 2509.12951,
/// both stages).
/// </summary>
/// <param name="penaltyStrength">The paper's lambda1 or lambda2; 0 or more.</param>
public sealed class CrossEntropyObjective(double penaltyStrength) : IObjective
{
    public async Task<Evaluation> EvaluateAsync(
        ILanguageModel model, IReadOnlyList<PromptCompletion> sample, IReadOnlyList<double> point, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Evaluate(await model.ScoreAsync(sample, cancellationToken).ConfigureAwait(false), point);
    }

    public Evaluation Evaluate(IReadOnlyList<ScoredCompletion> scores, IReadOnlyList<double> point) =>
        new(MeanLoss(scores), penaltyStrength == 0 ? 0 : penaltyStrength * point.Average(Math.Abs), scores);

    /// <summary>Sum over records divided by the sum of tokens: long answers weigh more, as in teacher-forced training.</summary>
    public static double MeanLoss(IReadOnlyList<ScoredCompletion> scores) =>
        -scores.Sum(score => score.LogProbability) / scores.Sum(score => (long)score.Tokens);
}
