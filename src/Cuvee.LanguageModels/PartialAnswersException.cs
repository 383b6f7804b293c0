namespace Cuvee.LanguageModels;

/// <summary>A request that failed half way; what was answered, or billed without an answer, is not forgotten.</summary>
/// <param name="message">One sentence for people.</param>
/// <param name="lost">Queries that were billed and brought no answer.</param>
public sealed class PartialAnswersException(string message, int lost, Exception? inner = null) : LanguageModelException(message, inner)
{
    /// <summary>By position in the request.</summary>
    public IReadOnlyDictionary<int, ScoredCompletion> Scores { get; init; } = new Dictionary<int, ScoredCompletion>();

    /// <summary>By position in the request.</summary>
    public IReadOnlyDictionary<int, GeneratedCompletion> Answers { get; init; } = new Dictionary<int, GeneratedCompletion>();

    public int Lost => lost;

    /// <summary>Queries that must be paid.</summary>
    public int Billed => Scores.Count + Answers.Count + lost;
}
