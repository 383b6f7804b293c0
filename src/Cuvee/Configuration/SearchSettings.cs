using Cuvee.Merging;

namespace Cuvee.Configuration;

/// <summary>
/// One search with every number decided: preset first, then what the file says. See docs/run-yaml.md for defaults and ranges.
/// </summary>
public sealed record SearchSettings
{
    public required SearchKind Kind { get; init; }

    public required string Preset { get; init; }

    public required MergeSpace Space { get; init; }

    public required RunBudget Budget { get; init; }

    /// <summary>In the order they run.</summary>
    public required IReadOnlyList<StageSettings> Stages { get; init; }

    /// <summary>CMA-ES's lambda, or random candidates a generation.</summary>
    public required int PopulationSize { get; init; }

    /// <summary>CMA-ES's sigma0, in units of a weight or keep fraction.</summary>
    public required double InitialStepSize { get; init; }

    /// <summary>Records of a generation's common sample; null lets the planner fit it to the query budget.</summary>
    public required int? SampleSize { get; init; }

    /// <summary>The paper's lambda1 and lambda2: weight of mean |x| beside the loss.</summary>
    public required double PenaltyStrength { get; init; }

    /// <summary>
    /// Part of the validation records kept out of every common sample, for early stopping; 0 switches early stopping off.
    /// </summary>
    public required double HeldOutFraction { get; init; }

    /// <summary>Iterations from one held-out check to the next.</summary>
    public required int CheckEvery { get; init; }

    /// <summary>Checks in a row without a better held-out loss that end a stage.</summary>
    public required int Patience { get; init; }

    /// <summary>Fisher probing's own settings; null for other searches.</summary>
    public FisherProbingSettings? FisherProbing { get; init; }
}
