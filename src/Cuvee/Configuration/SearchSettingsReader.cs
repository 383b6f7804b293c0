using Cuvee.Merging;

namespace Cuvee.Configuration;

/// <summary>Reads the keys that describe one search: at the root of a run file, or in an entry of <c>compare.searches</c>.</summary>
internal static class SearchSettingsReader
{
    private static readonly Dictionary<string, SearchKind> Kinds = new(StringComparer.Ordinal)
    {
        ["evo-merging"] = SearchKind.EvoMerging,
        ["fisher-probing"] = SearchKind.FisherProbing,
        ["random"] = SearchKind.Random,
    };

    private static readonly Dictionary<string, MergeSpace> Spaces = new(StringComparer.Ordinal)
    {
        ["factors"] = MergeSpace.Factors,
        ["delta"] = MergeSpace.Delta,
    };

    private static readonly Dictionary<string, StageKind> StageKinds = new(StringComparer.Ordinal)
    {
        ["keep-fractions"] = StageKind.KeepFractions,
        ["weights"] = StageKind.Weights,
    };

    public static string NameOf(SearchKind kind) => Kinds.First(pair => pair.Value == kind).Key;

    public static SearchSettings Read(YamlMapping mapping)
    {
        mapping.RequiredText("search", $"one of {string.Join(", ", Kinds.Keys)}");
        var kind = mapping.Choice("search", Kinds)!.Value;
        var presetName = mapping.Text("preset") ?? SearchPresets.Default;
        var preset = SearchPresets.Find(kind, presetName) ?? throw mapping.Error(
            "preset", $"search '{NameOf(kind)}' has no preset '{presetName}'; choose {string.Join(", ", SearchPresets.NamesOf(kind))}.");
        var space = mapping.Choice("space", Spaces) ?? preset.Space;
        var budget = mapping.Mapping("budget");
        var settings = preset with
        {
            Space = space,
            Budget = new RunBudget(budget?.Integer("evaluations", 1, 100_000_000), budget?.Integer("queries", 1, int.MaxValue)),
        };
        budget?.ThrowIfUnknownKeys();
        return mapping.Mapping("settings") is { } own ? Override(settings, own) : settings;
    }

    private static SearchSettings Override(SearchSettings preset, YamlMapping own)
    {
        var settings = preset with
        {
            HeldOutFraction = own.Number("held_out", 0, 0.5) ?? preset.HeldOutFraction,
            CheckEvery = own.Integer("check_every", 1, 1000) ?? preset.CheckEvery,
            Patience = own.Integer("patience", 1, 10_000) ?? preset.Patience,
        };
        settings = preset.Kind == SearchKind.FisherProbing
            ? settings with { FisherProbing = OverrideFisherProbing(preset.FisherProbing!, own) }
            : OverridePopulation(settings, own);
        own.ThrowIfUnknownKeys();
        return settings;
    }

    private static SearchSettings OverridePopulation(SearchSettings preset, YamlMapping own)
    {
        var settings = preset with
        {
            PopulationSize = own.Integer("population", 4, 10_000) ?? preset.PopulationSize,
            SampleSize = own.Integer("sample", 1, 1_000_000) ?? preset.SampleSize,
            PenaltyStrength = own.Number("penalty", 0, 100) ?? preset.PenaltyStrength,
        };
        if (preset.Kind == SearchKind.Random) return settings;
        return settings with
        {
            InitialStepSize = own.Number("step_size", 1e-6, 10) ?? preset.InitialStepSize,
            Stages = own.Texts("stages") is { } names ? Stages(names, preset, own) : preset.Stages,
        };
    }

    private static List<StageSettings> Stages(IReadOnlyList<string> names, SearchSettings preset, YamlMapping own)
    {
        var kinds = names.Select(name => StageKinds.TryGetValue(name, out var kind)
            ? kind
            : throw own.Error("stages", $"'stages' names '{name}'; choose {string.Join(", ", StageKinds.Keys)}.")).ToList();
        if (kinds.Count == 0 || kinds.Distinct().Count() != kinds.Count)
        {
            throw own.Error("stages", "'stages' must name at least one stage, each once.");
        }

        // A stage that the preset leaves out gets half of the weights stage's candidates: the authors' ratio.
        return [.. kinds.Select(kind =>
            preset.Stages.FirstOrDefault(stage => stage.Kind == kind) ?? new StageSettings(kind, preset.Stages[^1].Evaluations / 2))];
    }

    private static FisherProbingSettings OverrideFisherProbing(FisherProbingSettings preset, YamlMapping own) => preset with
    {
        ProbeRecords = own.Integer("probe_records", 1, 10_000) ?? preset.ProbeRecords,
        LineSearchRecords = own.Integer("line_search_records", 1, 100_000) ?? preset.LineSearchRecords,
        ProbeStep = own.Number("probe_step", 1e-4, 1) ?? preset.ProbeStep,
        Averaging = own.Number("averaging", 0, 0.99) ?? preset.Averaging,
        Damping = own.Number("damping", 1e-6, 100) ?? preset.Damping,
        Rounds = own.Integer("rounds", 1, 10_000) ?? preset.Rounds,
    };
}
