using Cuvee.Metrics;

namespace Cuvee.Objectives;

/// <summary>
/// What a search minimises: each record's observation becomes a share of a quotient of sums. The loss of a sample is the quotient of its
/// sums; a candidate's objective is loss plus the stage's penalty. Stateless and thread-safe; registered in <see cref="Catalog"/>.
/// </summary>
public interface IObjective
{
    /// <summary>As users write it: <c>cross-entropy</c>, or a metric's name.</summary>
    string Name { get; }

    /// <summary>What its loss is in sentences, lower being better: <c>cross-entropy</c>, <c>1 - ie-f1</c>.</summary>
    string LossName => Name;

    /// <summary>What must be asked of the model for each record.</summary>
    ObservationKind Observes { get; }

    /// <summary>A record's scored tokens count as one together, however many they are; else each token does.</summary>
    bool CountsRecordsAlike => false;

    /// <summary>The objective on samples of a file, where something about the whole decides what a record is worth.</summary>
    /// <param name="records">All of the file.</param>
    IObjective For(IReadOnlyList<PromptCompletion> records) => this;

    /// <returns>One entry per record, in order.</returns>
    IReadOnlyList<Ratio> Contributions(IReadOnlyList<PromptCompletion> records, IReadOnlyList<Observation> observations);
}

public enum ObservationKind
{
    /// <summary>Teacher-forced log-probability of the expected completion.</summary>
    Score,

    /// <summary>The model's own greedy answer.</summary>
    Answer,
}

/// <summary>What one query told about one record under one recipe.</summary>
/// <param name="LogProbability">Sum over the completion's tokens in nats; NaN for an answer.</param>
/// <param name="Tokens">Scored or generated tokens.</param>
/// <param name="PromptTokens">Prompt tokens processed, where the provider tells.</param>
/// <param name="TokenLogProbabilities">Per scored token, in nats; null where unknown or not wanted.</param>
/// <param name="Text">The answer; null for a score.</param>
public sealed record Observation(
    double LogProbability, int Tokens, int PromptTokens, IReadOnlyList<float>? TokenLogProbabilities, string? Text)
{
    public static Observation Of(ScoredCompletion score)
    {
        ArgumentNullException.ThrowIfNull(score);
        return new(score.LogProbability, score.Tokens, score.PromptTokens, score.TokenLogProbabilities, null);
    }

    public static Observation Of(GeneratedCompletion answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return new(double.NaN, answer.Tokens, answer.PromptTokens, null, answer.Text);
    }
}

/// <summary>A candidate on a sample.</summary>
/// <param name="Loss">Without penalty; nats per token for cross-entropy.</param>
/// <param name="Penalty">Of the stage, on the candidate's genotype.</param>
/// <param name="Observations">In the order of the sample.</param>
public sealed record Evaluation(double Loss, double Penalty, IReadOnlyList<Observation> Observations)
{
    public double Objective => Loss + Penalty;
}
