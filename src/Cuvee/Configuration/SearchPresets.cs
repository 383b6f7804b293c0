using Cuvee.Merging;

namespace Cuvee.Configuration;

/// <summary>Named starting points of <see cref="SearchSettings"/>; a run file's own keys override them one by one.</summary>
public static class SearchPresets
{
    public const string Default = "delta";

    /// <summary>
    /// Evo-Merging as its authors ran it (arXiv 2509.12951, appendix and released code): 400 + 800 candidates in generations of 20,
    /// each on the whole
    /// validation set (up to 300 records).
    /// </summary>
    private static readonly SearchSettings EvoMergingPaper = new()
    {
        Kind = SearchKind.EvoMerging,
        Preset = "paper",
        Space = MergeSpace.Factors,
        Budget = new RunBudget(null, null),
        Stages = [new StageSettings(StageKind.KeepFractions, 400), new StageSettings(StageKind.Weights, 800)],
        PopulationSize = 20,
        InitialStepSize = 0.05,
        SampleSize = 300,
        PenaltyStrength = 0.05,
        HeldOutFraction = 0.1,
        CheckEvery = 1,
        Patience = 10,
    };

    /// <summary>The exact signed sum, weights only, a larger first step and smaller samples.</summary>
    private static readonly SearchSettings EvoMergingDelta = EvoMergingPaper with
    {
        Preset = "delta",
        Space = MergeSpace.Delta,
        Stages = [new StageSettings(StageKind.Weights, 600)],
        InitialStepSize = 0.2,
        SampleSize = null,
        PenaltyStrength = 0.01,
        HeldOutFraction = 0.2,
        CheckEvery = 3,
        Patience = 5,
    };

    private static readonly SearchSettings FisherProbingDelta = EvoMergingDelta with
    {
        Kind = SearchKind.FisherProbing,
        Stages = [new StageSettings(StageKind.Weights, 600)],
        PenaltyStrength = 0,
        HeldOutFraction = 0,
        CheckEvery = 2,
        FisherProbing = new FisherProbingSettings(),
    };

    private static readonly SearchSettings RandomDelta =
        EvoMergingDelta with { Kind = SearchKind.Random, HeldOutFraction = 0, PenaltyStrength = 0 };

    private static readonly IReadOnlyList<SearchSettings> All =
    [
        EvoMergingPaper,
        EvoMergingDelta,
        EvoMergingDelta with
        {
            Preset = "quick",
            Stages = [new StageSettings(StageKind.Weights, 160)],
            PopulationSize = 10,
            SampleSize = 20,
        },
        FisherProbingDelta,
        FisherProbingDelta with
        {
            Preset = "quick",
            FisherProbing = new FisherProbingSettings { ProbeRecords = 8, LineSearchRecords = 30, Rounds = 5 },
        },
        RandomDelta,
        RandomDelta with { Preset = "quick", Stages = [new StageSettings(StageKind.Weights, 160)], SampleSize = 20 },
    ];

    /// <summary>Preset names that <paramref name="kind"/> has.</summary>
    public static IReadOnlyList<string> NamesOf(SearchKind kind) =>
        [.. All.Where(preset => preset.Kind == kind).Select(preset => preset.Preset)];

    /// <returns>Null when the search has no such preset.</returns>
    public static SearchSettings? Find(SearchKind kind, string name) =>
        All.FirstOrDefault(preset => preset.Kind == kind && preset.Preset == name);
}
