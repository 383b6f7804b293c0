namespace Cuvee.Optimization;

/// <param name="Point">Genotype, [Dimension].</param>
/// <param name="Records">Record indices this trial wants to be measured on; null for the generation's common sample.</param>
public sealed record Trial(double[] Point, IReadOnlyList<int>? Records = null);

/// <summary>Answer to one <see cref="Trial"/>.</summary>
/// <param name="Loss">Mean negative log-likelihood per token (or another loss), without penalty.</param>
/// <param name="Penalty">Regularisation term; optimisers minimise Loss + Penalty.</param>
/// <param name="TokenLogProbabilities">Log-probability of every answer token, per record in the order of the trial's records,
/// [records][tokens]; null where unknown. Where only a record's sum is known: its mean for each of the tokens.</param>
public sealed record TrialEvaluation(double Loss, double Penalty = 0, IReadOnlyList<IReadOnlyList<float>>? TokenLogProbabilities = null)
{
    public double Objective => Loss + Penalty;

    /// <summary>The loss of each record by itself, in the order of the trial's records; empty where nobody asked for it.</summary>
    public IReadOnlyList<double> RecordLosses { get; init; } = [];

    /// <summary>One loss an objective, <see cref="Loss"/> first, without penalty; empty where there is only one.</summary>
    public IReadOnlyList<double> Losses { get; init; } = [];
}
