using System.Collections.Concurrent;

namespace Cuvee.LanguageModels;

/// <summary>
/// Scores already paid for, by model key (such as a recipe) and record text; a record's id is no part of the key. Grows with every
/// distinct query. Thread-safe.
/// </summary>
public sealed class ScoreCache
{
    private readonly ConcurrentDictionary<(string ModelKey, string Prompt, string Completion), ScoredCompletion> scores = new();

    public int Count => scores.Count;

    public bool TryGet(string modelKey, PromptCompletion record, out ScoredCompletion? score) =>
        scores.TryGetValue((modelKey, record.Prompt, record.Completion), out score);

    /// <summary>A score with token detail replaces one without; otherwise the first one stays.</summary>
    public void Add(string modelKey, PromptCompletion record, ScoredCompletion score) => scores.AddOrUpdate(
        (modelKey, record.Prompt, record.Completion),
        score,
        (_, known) => known.TokenLogProbabilities is null && score.TokenLogProbabilities is not null ? score : known);
}
