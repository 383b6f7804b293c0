using Cuvee.LanguageModels;

namespace Cuvee.Objectives;

/// <summary>What a search minimises, measured through the black box only. Stateless and thread-safe.</summary>
public interface IObjective
{
    /// <param name="point">The candidate's genotype, [Dimension]; what a penalty is charged on.</param>
    Task<Evaluation> EvaluateAsync(
        ILanguageModel model, IReadOnlyList<PromptCompletion> sample, IReadOnlyList<double> point, CancellationToken cancellationToken);

    /// <summary>The same from scores at hand.</summary>
    Evaluation Evaluate(IReadOnlyList<ScoredCompletion> scores, IReadOnlyList<double> point);
}
