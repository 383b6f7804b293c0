using Cuvee.LanguageModels;

namespace Cuvee.Journaling;

/// <summary>
/// One candidate evaluation: which question it answers (the required fields), and everything needed to answer it again without a query.
/// </summary>
public sealed record JournalLine
{
    public required string Stage { get; init; }

    public required EvaluationPurpose Purpose { get; init; }

    /// <summary>Iterations told before this one.</summary>
    public required int Iteration { get; init; }

    /// <summary>Position among the questions of one iteration and purpose.</summary>
    public required int Trial { get; init; }

    /// <summary>Genotype, [Dimension], round-trip.</summary>
    public required IReadOnlyList<double> Point { get; init; }

    /// <summary>0-based positions in the validation file.</summary>
    public required IReadOnlyList<int> Records { get; init; }

    /// <summary>Without penalty.</summary>
    public double Loss { get; init; }

    public double Penalty { get; init; }

    /// <summary>Sum over each record's answer in nats, [records].</summary>
    public IReadOnlyList<double> LogProbabilities { get; init; } = [];

    /// <summary>Scored tokens of each record, [records].</summary>
    public IReadOnlyList<int> AnswerTokens { get; init; } = [];

    /// <summary>[records][tokens], in nats; absent where the optimiser does not read them or the provider does not give them.</summary>
    public IReadOnlyList<IReadOnlyList<float>>? TokenLogProbabilities { get; init; }

    /// <summary>Queries that this evaluation cost; cache hits are free.</summary>
    public int Queries { get; init; }

    /// <summary>Prompt and answer tokens that this evaluation cost.</summary>
    public long Tokens { get; init; }

    /// <summary>The score of the record at a position of <see cref="Records"/>; its prompt length is not kept.</summary>
    public ScoredCompletion Score(int position) =>
        new(LogProbabilities[position], AnswerTokens[position], PromptTokens: 0, TokenLogProbabilities?[position]);

    /// <summary>True when both lines answer the same question, points compared bit for bit.</summary>
    public bool AnswersSameAs(JournalLine other) =>
        Stage == other.Stage && Purpose == other.Purpose && Iteration == other.Iteration && Trial == other.Trial
        && Point.Select(BitConverter.DoubleToInt64Bits).SequenceEqual(other.Point.Select(BitConverter.DoubleToInt64Bits))
        && Records.SequenceEqual(other.Records);
}
