using Cuvee.Lab.References;
using Cuvee.Merging;
using Cuvee.Searches;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// Every row that an experiment may have, each under one key: the same key is the same method everywhere, so tables can be compared and
/// share their runs.
/// </summary>
internal static class ExperimentRows
{
    private const string Authors = "search: evo-merging\npreset: paper";
    private const string QuickAuthors = "settings: { keep_fraction_candidates: 40, weight_candidates: 100";

    // One budget for all searches that are compared at less than the authors' cost.
    private const string Smaller = "budget: { queries: 20000 }";
    private const string QuickLambda = ", lambda: [0.3, 1]";
    private const string QuickGrid = QuickLambda + ", density: [0.5, 0.9]";
    private const string QuickSmaller = "budget: { queries: 4000 }";

    /// <summary>What the product does when nothing is chosen; finds the best single adapters for the rows after it.</summary>
    public static IExperimentRow Default { get; } = new SearchRow(
        "default", "Cuvee's default: Fisher probing (delta)", ExperimentRowKind.Search,
        "search: fisher-probing", "budget: { queries: 12000 }", "preset: quick\nbudget: { queries: 6000 }")
    {
        IsProduct = true,
        Note = "Cuvee's default runs with its fallback to the best single adapter, every other search without. Its queries hold finding " +
            $"that adapter by loss, not by {Experiment.Metric}: the best single adapter's row holds both.",
    };

    /// <summary><see cref="Default"/> with three times the queries.</summary>
    public static IExperimentRow MoreQueries { get; } = new SearchRow(
        "default-36000", "the default with 36,000 queries", ExperimentRowKind.Search,
        "search: fisher-probing", "budget: { queries: 36000 }", "preset: quick\nbudget: { queries: 9000 }")
    { IsProduct = true };

    /// <summary>What <see cref="Default"/>'s settings were chosen among, at its budget.</summary>
    public static IReadOnlyList<IExperimentRow> Variants { get; } =
    [
        Variant("layers-6", "12 records a probe, layers of 6 adapters", "probe_records: 12, layer_adapters: 6"),
        Variant("no-layers", "12 records a probe, one weight an adapter", "probe_records: 12, layer_adapters: 0"),
        Variant("layers-12", "12 records a probe, layers of 12 adapters", "probe_records: 12, layer_adapters: 12"),
        Variant("layers-24", "12 records a probe, layers of 24 adapters", "probe_records: 12, layer_adapters: 24"),
        Variant("probes-6", "6 records a probe, layers of 6 adapters", "probe_records: 6, layer_adapters: 6"),
        Variant("probes-6-no-layers", "6 records a probe, one weight an adapter", "probe_records: 6, layer_adapters: 0"),
        Variant("probes-4-no-layers", "4 records a probe, one weight an adapter", "probe_records: 4, layer_adapters: 0"),
        Variant(
            "line-80", "6 records a probe, 80 a line search, layers of 6 adapters",
            "probe_records: 6, line_search_records: 80, layer_adapters: 6"),
        Variant(
            "probes-growing", "6 records a probe, each round 1.5 times as many, layers of 6 adapters",
            "probe_records: 6, probe_growth: 1.5, layer_adapters: 6"),
    ];

    public static IExperimentRow EvoPaper { get; } = Search(
        "evo-paper", "Evo-Merging as published (factors)", Authors, "", QuickAuthors + " }");

    /// <summary>In-domain the authors run half as many generations over weights.</summary>
    public static IExperimentRow EvoPaperInDomain { get; } = Search(
        "evo-paper-id", "Evo-Merging as published for in-domain merging (factors)", Authors, "settings: { weight_candidates: 400 }",
        QuickAuthors + " }");

    public static IExperimentRow EvoBudget { get; } = Search(
        "evo-budget", "Evo-Merging, authors' settings, smaller budget (factors)", Authors, Smaller, QuickSmaller);

    public static IExperimentRow LoraHub { get; } = Search("lorahub", "LoRAHub (factors)", "search: cma-es\npreset: lorahub", "", "");

    /// <summary>The paper's ablation: one thing less than <see cref="EvoPaper"/>.</summary>
    public static IReadOnlyList<IExperimentRow> Ablations { get; } =
    [
        Search("no-denoising", "without denoising (weights only)", Authors, "settings: { stages: [weights] }",
            QuickAuthors + ", stages: [weights] }"),
        Search("no-scaling", "without scaling (weights fixed at 1/N)", Authors, "settings: { stages: [keep-fractions] }",
            QuickAuthors + ", stages: [keep-fractions] }"),
        new RecipeRow(
            "no-both", "without both (uniform, factors)", task => MergeRecipes.Uniform(MergeSpace.Factors, task.Adapters)),
        Search("prune-b", "with LoraB pruned instead of LoraA", Authors, "settings: { pruned: b }", QuickAuthors + ", pruned: b }"),
        Search("prune-both", "with both factors pruned", Authors, "settings: { pruned: both }", QuickAuthors + ", pruned: both }"),
        Search(
            "no-negative", "without negative weights", Authors, "settings: { lowest_weight: 0 }", QuickAuthors + ", lowest_weight: 0 }"),
    ];

    /// <summary>The methods that the paper compares with, under its protocol.</summary>
    public static IReadOnlyList<IExperimentRow> Baselines { get; } =
    [
        Grid("ties", "TIES", QuickGrid),
        Grid("dare-ties", "DARE-TIES", QuickGrid, isSeeded: true, "The paper's figure for DARE stands beside both variants."),
        Grid("dare-linear", "DARE (linear)", QuickGrid, isSeeded: true),
        Grid("della", "DELLA", QuickGrid, isSeeded: true),
        Grid("breadcrumbs", "Breadcrumbs", QuickGrid),
        Grid("task-arithmetic", "Task Arithmetic", QuickLambda),
        Grid(
            "emr", "EMR-Merging (its unified vector)", QuickLambda,
            note: "EMR-Merging's masks and rescalers restore the tasks that were merged; an unseen target has its unified vector only."),
        Grid("tsv-m", "TSV-M", QuickLambda),
        Grid("linear", "linear (mean)", ""),
    ];

    public static IExperimentRow Ties => Baselines[0];

    public static IExperimentRow Base { get; } = new RecipeRow(
        "base", "base model", _ => MergeRecipes.BaseModel(MergeSpace.Delta))
    { UsesPool = false };

    /// <summary><see cref="Default"/> where a target's records count the same, however long its answers are.</summary>
    public static IExperimentRow DefaultByRecord { get; } = new SearchRow(
        "default-by-record", "the default by the mean of the records' means", ExperimentRowKind.Search,
        "search: fisher-probing\nobjective: record-cross-entropy", "budget: { queries: 12000 }", "preset: quick\nbudget: { queries: 6000 }")
    { IsProduct = true };

    public static IExperimentRow BestSingle { get; } = new BestSingleRow("default");

    public static IExperimentRow BestSingleByLoss { get; } = new BestSingleRow("default", byLoss: true);

    public static IExperimentRow Gradient { get; } = new GradientRow(steps: 80, quickSteps: 20, learningRate: 0.03);

    /// <summary>Base model alone and with examples, uniform average, best single adapters, random weights and adapters. After
    /// <see cref="Default"/>.</summary>
    public static IReadOnlyList<IExperimentRow> Controls { get; } =
    [
        Base,
        new RecipeRow("uniform", "uniform average (delta)", task => MergeRecipes.Uniform(MergeSpace.Delta, task.Adapters)),
        BestSingle,
        BestSingleByLoss,
        new RandomWeightsRow("default", draws: 3),
        new RandomAdaptersRow("default", draws: 3),
        new FewShotRow(),
    ];

    /// <summary>What a black-box search cannot have.</summary>
    public static IReadOnlyList<IExperimentRow> References { get; } =
    [
        Gradient,
        new ValidationLoraRow(ValidationTrainedLora.LearningRates, quickRates: [1e-3]),
        new SpecialistRow(),
    ];

    /// <summary>Cross-entropy against the metric alone, the same search and budget.</summary>
    public static IReadOnlyList<IExperimentRow> Objectives { get; } =
    [
        Search("cma-loss", "CMA-ES over weights by cross-entropy (delta)", "search: cma-es", Smaller, QuickSmaller),
        Search("cma-metric", "CMA-ES over weights by ie-f1 alone (delta)", "search: cma-es\nobjective: ie-f1", Smaller, QuickSmaller),
        Search("evo-loss", "Evo-Merging by cross-entropy (delta)", "search: evo-merging", Smaller, QuickSmaller),
        Search("evo-metric", "Evo-Merging by ie-f1 alone (delta)", "search: evo-merging\nobjective: ie-f1", Smaller, QuickSmaller),
    ];

    /// <summary>CMA-ES over weights with one first step each, largest first; the product fits it to the pool.</summary>
    public static IReadOnlyList<IExperimentRow> FirstSteps { get; } =
    [
        .. ((string[])["0.2", "0.1", "0.05", "0.02"]).Select(step => Search(
            $"cma-step-{step}", $"CMA-ES over weights, first step {step}", "search: cma-es",
            $"{Smaller}\nsettings: {{ step_size: {step} }}", $"{QuickSmaller}\nsettings: {{ step_size: {step} }}")),
    ];

    /// <summary>By the metric alone from 1/N each, then from the best single adapter; by cross-entropy from that, too.</summary>
    public static IReadOnlyList<IExperimentRow> FirstPoints { get; } =
    [
        Objectives[1],
        FromSingle("cma-metric-single", "ie-f1 alone", "search: cma-es\nobjective: ie-f1"),
        FromSingle("cma-single", "cross-entropy", "search: cma-es"),
    ];

    /// <summary>CMA-ES goes on from what <see cref="Default"/> found, with the queries that CMA-ES alone has beyond it.</summary>
    public static IExperimentRow CmaFromDefault { get; } = new SearchRow(
        "cma-from-default", "CMA-ES from the default's result, first step 0.02", ExperimentRowKind.Search, "search: cma-es",
        "budget: { queries: 8000 }\nsettings: { step_size: 0.02 }", "budget: { queries: 3000 }\nsettings: { step_size: 0.02 }")
    { Uses = Default.Key, StartsAtUsed = true };

    /// <summary>The same searches in both merge spaces, the same budget.</summary>
    public static IReadOnlyList<IExperimentRow> Spaces { get; } =
    [
        Objectives[0],
        Search("cma-factors", "CMA-ES over weights by cross-entropy (factors)", "search: cma-es\nspace: factors", Smaller, QuickSmaller),
        Objectives[2],
        Search("evo-factors", "Evo-Merging by cross-entropy (factors)", "search: evo-merging\nspace: factors", Smaller, QuickSmaller),
    ];

    private static SearchRow Variant(string key, string name, string settings) => new(
        key, name, ExperimentRowKind.Search, "search: fisher-probing", $"budget: {{ queries: 12000 }}\nsettings: {{ {settings} }}",
        $"preset: quick\nbudget: {{ queries: 6000 }}\nsettings: {{ {settings} }}")
    { IsProduct = true };

    /// <summary>It needs the adapter, so it finds it itself and is charged.</summary>
    private static SearchRow FromSingle(string key, string objective, string search) => new(
        key, $"CMA-ES over weights by {objective} from the best single adapter (delta)", ExperimentRowKind.Search, search,
        $"{Smaller}\nsettings: {{ start: best-single }}", $"{QuickSmaller}\nsettings: {{ start: best-single }}");

    private static SearchRow Search(string key, string name, string search, string full, string quick) =>
        new(key, name, ExperimentRowKind.Search, search, full, quick) { Uses = Default.Key };

    /// <param name="quickGrid">The axes that the method has, with fewer values.</param>
    /// <param name="isSeeded">The method draws.</param>
    private static SearchRow Grid(string method, string name, string quickGrid, bool isSeeded = false, string? note = null) => new(
        method, name, ExperimentRowKind.Baseline, "search: grid", $"settings: {{ method: {method} }}",
        $"settings: {{ method: {method}, sample: 12{quickGrid} }}")
    { IsSeeded = isSeeded, SharesAnswers = true, Uses = Default.Key, Note = note };
}
