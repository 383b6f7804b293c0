using Cuvee.Lab.Data;

namespace Cuvee.Lab.Reproduction;

/// <summary>All experiments of <c>cuvee reproduce</c>. A new one is an entry here and needs no code.</summary>
internal static class ExperimentCatalog
{
    private const string OwnValidation = "Validation records are reserved ones that trained nothing. ";

    private static readonly ExperimentTarget[] SixTargets =
    [
        new(LabTask.Ner, "mit_restaurant"),
        new(LabTask.Et, "mit_movie"),
        new(LabTask.Ner, "findvehicle"),
        new(LabTask.Re, "conll04"),
        new(LabTask.Re, "scierc"),
        new(LabTask.Et, "fabner"),
    ];

    /// <summary>For tables of many rows or points: entities and relations.</summary>
    private static readonly ExperimentTarget[] TwoTargets = [SixTargets[0], SixTargets[3]];

    /// <summary>Defaults are chosen on these, whose data sets no table of the paper's has.</summary>
    private static readonly ExperimentTarget[] DevelopmentTargets =
        [new(LabTask.Ner, "stackoverflow"), new(LabTask.Re, "crossre"), new(LabTask.Et, "music_reco")];

    private static readonly ExperimentTarget[] EightTasks =
    [
        new(LabTask.Ner, "mit_movie"),
        new(LabTask.Ner, "findvehicle"),
        new(LabTask.Ner, "ncbi_disease"),
        new(LabTask.Ner, "tasteset"),
        new(LabTask.Es, "mit_restaurant"),
        new(LabTask.Et, "mit_movie"),
        new(LabTask.Et, "snips"),
        new(LabTask.Re, "conll04"),
    ];

    private static readonly string[] FiveDistractors =
        ["classify-banking77", "classify-sms-spam", "classify-sst5", "classify-subj", "classify-tweet-emotion"];

    private static readonly Experiment OutOfDomain = new(
        "ood",
        "Out of domain",
        "The pool holds all specialists but the target's own; those of its data set for other tasks stay. Searches get the whole pool, " +
        $"published merge methods the best ten adapters and a grid of lambda and density. {OwnValidation}")
    {
        Targets = SixTargets,
        Pool = PoolRule.WithoutOwn,
        SkipsMissing = true,
        Rows =
        [
            ExperimentRows.Default, ExperimentRows.MoreQueries, ExperimentRows.EvoPaper, ExperimentRows.EvoBudget, ExperimentRows.LoraHub,
            .. ExperimentRows.Baselines, .. ExperimentRows.Controls, .. ExperimentRows.References,
        ],
        MainRow = "evo-paper",
        Claims = [.. PaperClaims("ood", "evo-paper"), .. OwnClaims("evo-paper")],
    };

    private static readonly Experiment InDomain = new(
        "id",
        "In domain",
        "The own specialists of eight tasks are merged into one model, which is tested on all eight; validation records are those of all " +
        $"eight together. {OwnValidation}")
    {
        Targets = EightTasks,
        Pool = PoolRule.TargetsOnly,
        Rows =
        [
            ExperimentRows.Default, ExperimentRows.DefaultByRecord, ExperimentRows.EvoPaperInDomain, ExperimentRows.EvoBudget,
            ExperimentRows.LoraHub, .. ExperimentRows.Baselines, .. ExperimentRows.Controls, .. ExperimentRows.References,
        ],
        MainRow = "evo-paper-id",
        Claims = [.. PaperClaims("id", "evo-paper-id"), .. OwnClaims("evo-paper-id")],
    };

    public static IReadOnlyList<Experiment> All { get; } =
    [
        OutOfDomain,
        OutOfDomain with
        {
            Name = "ood-hard",
            Title = "Out of domain, without the data set",
            Protocol = "As ood, but every adapter of the target's data set is left out, whatever its task; Evo-Merging has the smaller " +
                $"budget only. {OwnValidation}",
            Pool = PoolRule.WithoutDataSet,
            Rows = [.. OutOfDomain.Rows.Where(row => row != ExperimentRows.EvoPaper && row != ExperimentRows.MoreQueries)],
            MainRow = "evo-budget",
            Claims =
            [
                .. PaperClaims("ood", "evo-paper")
                    .Select(claim => claim with { First = "evo-budget", Source = "the paper's out-of-domain table" }),
                .. OwnClaims("evo-budget"),
            ],
        },
        InDomain,
        InDomain with
        {
            Name = "robustness",
            Title = "In domain with distractors",
            Protocol = $"As id, with five adapters of unrelated tasks in the pool: {string.Join(", ", FiveDistractors)}. {OwnValidation}",
            Distractors = FiveDistractors,
            Claims = [.. PaperClaims("robustness", "evo-paper-id"), .. OwnClaims("evo-paper-id")],
        },
        OutOfDomain with
        {
            Name = "ablation",
            Title = "Evo-Merging with one thing less",
            Protocol = $"Two cases of ood; each row is Evo-Merging as published without one of its parts. {OwnValidation}",
            Targets = TwoTargets,
            Rows = [ExperimentRows.Default, ExperimentRows.EvoPaper, .. ExperimentRows.Ablations, ExperimentRows.BestSingle],
            Claims = PaperClaims("ablation", "evo-paper"),
            Notes =
            [
                "How far pruning LoraA, LoraB or both at one keep fraction moves an update: bench/results/pruning.md.",
                "In factors space a weight enters twice, so all weights negated give the same model.",
            ],
        },
        Curve("pool-size", "How large a pool", "adapters in the pool",
            "Two cases of ood, on adapters drawn from their pools; each seed draws its own, a larger pool holds the smaller ones.",
            [.. new int?[] { 10, 25, 50, 100, null }
                .Select(size => new ExperimentPoint(size?.ToString() ?? "all") { PoolSize = size })]),
        Curve("validation-size", "How many validation records", "validation records",
            "Two cases of ood, on validation records drawn from the 300 that are reserved; each seed draws its own.",
            [.. new[] { 5, 10, 25, 50, 100, 300 }.Select(size => new ExperimentPoint($"{size}") { ValidationRecords = size })]),
        Curve("label-noise", "How wrong the labels may be", "validation records with a wrong answer",
            "Two cases of ood, but some validation records get another record's answer; each seed draws records and answers. Tests stay " +
            "clean, validation losses are on what the search saw.",
            [.. new[] { 0, 10, 20, 40 }.Select(percent => new ExperimentPoint($"{percent}%") { LabelNoise = percent / 100.0 })]),
        OutOfDomain with
        {
            Name = "objective",
            Title = "Loss or metric",
            Protocol = $"Two cases of ood; the same searches see cross-entropy, or only the metric of the answers. {OwnValidation}",
            Targets = TwoTargets,
            Rows = [ExperimentRows.Default, .. ExperimentRows.Objectives, ExperimentRows.Base, ExperimentRows.BestSingle],
            MainRow = "evo-loss",
            Claims = [new("cma-loss", "cma-metric", "Cuvee"), new("evo-loss", "evo-metric", "Cuvee")],
        },
        OutOfDomain with
        {
            Name = "space",
            Title = "Factors or delta",
            Protocol = "Two cases of ood; the same searches in the authors' factors space, whose cross terms mix adapters, and in " +
                $"delta space, the signed sum. {OwnValidation}",
            Targets = TwoTargets,
            Rows = [ExperimentRows.Default, .. ExperimentRows.Spaces, ExperimentRows.Base, ExperimentRows.BestSingle],
            MainRow = "evo-factors",
            Claims = [new("cma-loss", "cma-factors", "Cuvee"), new("evo-loss", "evo-factors", "Cuvee")],
        },
        OutOfDomain with
        {
            Name = "development",
            Title = "Defaults of Fisher probing",
            Protocol = "As ood, on three targets of data sets that no table of the paper's has: the default, and what it was chosen " +
                $"among. Each seed draws its own validation records. {OwnValidation}",
            Targets = DevelopmentTargets,
            Seeds = [1, 2],
            DrawsPerSeed = true,
            Rows =
            [
                ExperimentRows.Default, ExperimentRows.MoreQueries, .. ExperimentRows.Variants, ExperimentRows.BestSingle,
                ExperimentRows.Gradient,
            ],
            MainRow = "default",
            Claims = [],
        },
        OutOfDomain with
        {
            Name = "first-step",
            Title = "Where CMA-ES should begin, and how far it should look",
            Protocol = "The cases of development; CMA-ES over weights from 1/N each, with first steps of 0.2, which was chosen on a " +
                "pool of 27, to 0.02; from the best single adapter; and from where Fisher probing ended. Each seed draws its own " +
                $"validation records. {OwnValidation}",
            Targets = DevelopmentTargets,
            Seeds = [1, 2],
            DrawsPerSeed = true,
            Rows =
            [
                ExperimentRows.Default, .. ExperimentRows.FirstSteps, .. ExperimentRows.FirstPoints, ExperimentRows.CmaFromDefault,
                ExperimentRows.Base, ExperimentRows.BestSingle,
            ],
            MainRow = "cma-step-0.2",
            Claims =
            [
                new("cma-step-0.05", "cma-step-0.2", "Cuvee"), new("cma-from-default", "default", "Cuvee"),
                new("cma-metric-single", "cma-metric", "Cuvee"), new("cma-metric-single", "best-single", "Cuvee"),
            ],
        },
        OutOfDomain with
        {
            Name = "repository",
            Title = "A massive repository must help",
            Protocol = "As ood: 28 adapters drawn from the pool, then all of it, with the same queries. Each seed draws its own pool and " +
                $"validation records. {OwnValidation}",
            Targets = [.. DevelopmentTargets, .. SixTargets],
            Axis = "adapters in the pool",
            Points = [new("28") { PoolSize = 28 }, new("all")],
            DrawsPerSeed = true,
            Rows = [ExperimentRows.Default, ExperimentRows.Base, ExperimentRows.BestSingle],
            MainRow = "default",
            Claims = [new("default", "default", "Cuvee", ("all", "28")), new("default", "best-single", "Cuvee")],
        },
        OutOfDomain with
        {
            Name = "second-base",
            Title = "Another base model",
            Protocol = "As ood, with fewer rows, on the smaller zoo of zoo/second.yaml: 24 specialists on a base model of another seed, " +
                $"depth, width and vocabulary. {OwnValidation}",
            ZooSize = 24,
            Targets = [SixTargets[0], SixTargets[1], SixTargets[3]],
            Rows =
            [
                ExperimentRows.Default, ExperimentRows.EvoBudget, ExperimentRows.LoraHub, ExperimentRows.Ties, ExperimentRows.Base,
                ExperimentRows.BestSingle, .. ExperimentRows.References,
            ],
            MainRow = "evo-budget",
            Claims =
            [
                new("evo-budget", "lorahub", "Cuvee"), new("evo-budget", "ties", "Cuvee"),
                .. OwnClaims("evo-budget").Where(claim => claim.Second != "few-shot"),
            ],
        },
    ];

    private static Experiment Curve(
        string name, string title, string axis, string protocol, IReadOnlyList<ExperimentPoint> points) => OutOfDomain with
        {
            Name = name,
            Title = title,
            Protocol = protocol,
            Targets = TwoTargets,
            Axis = axis,
            Points = points,
            DrawsPerSeed = true,
            Rows =
            [
                ExperimentRows.Default, ExperimentRows.EvoBudget, ExperimentRows.LoraHub, ExperimentRows.Ties, ExperimentRows.BestSingle,
            ],
            MainRow = "evo-budget",
            Claims =
            [
                new("default", "evo-budget", "Cuvee"), new("evo-budget", "lorahub", "Cuvee"), new("default", "best-single", "Cuvee"),
            ],
        };

    /// <summary>That the main row is better than each row that stands below it in the paper's table.</summary>
    private static Claim[] PaperClaims(string table, string mainRow)
    {
        var paper = PaperFigures.Of(table);
        return
        [
            .. paper.Rows.Where(row => paper.Row(row)![0] < paper.Row(mainRow)![0])
                .Select(row => new Claim(mainRow, row, "paper")),
        ];
    }

    private static IEnumerable<Claim> OwnClaims(string paperRow) =>
        ((string[])[paperRow, "best-single", "few-shot", "lora-validation"]).Select(row => new Claim("default", row, "Cuvee"));
}
