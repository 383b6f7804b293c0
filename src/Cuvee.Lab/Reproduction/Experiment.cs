using Cuvee.Formats;
using Cuvee.Lab.Data;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// One table of the Evo-Merging paper (arXiv 2509.12951), or one question that it leaves open, at the zoo's scale: data, no code.
/// </summary>
/// <param name="Name">As on the command line, such as <c>ood</c>.</param>
/// <param name="Title">Of its page.</param>
/// <param name="Protocol">What is merged, what is held out and what is measured, in sentences.</param>
internal sealed record Experiment(string Name, string Title, string Protocol)
{
    public const string Metric = "ie-f1";

    public required IReadOnlyList<ExperimentTarget> Targets { get; init; }

    public required PoolRule Pool { get; init; }

    /// <summary>Adapters of other tasks in the pool of <see cref="PoolRule.TargetsOnly"/>.</summary>
    public IReadOnlyList<string> Distractors { get; init; } = [];

    /// <summary>In the order of the tables; a row may use the outcome of one before it.</summary>
    public required IReadOnlyList<IExperimentRow> Rows { get; init; }

    /// <summary>Key of the row that the others are compared with.</summary>
    public required string MainRow { get; init; }

    public IReadOnlyList<ulong> Seeds { get; init; } = [1, 2, 3];

    /// <summary>Of each target.</summary>
    public int ValidationRecords { get; init; } = 100;

    /// <summary>Of each target, at most.</summary>
    public int TestRecords { get; init; } = 300;

    /// <summary>What <see cref="Points"/> vary, such as "adapters in the pool"; null where there is one point.</summary>
    public string? Axis { get; init; }

    public IReadOnlyList<ExperimentPoint> Points { get; init; } = [new("")];

    /// <summary>Each seed draws its own validation records, noise and pool; else all seeds search on the same ones.</summary>
    public bool DrawsPerSeed { get; init; }

    /// <summary>A seed draws the same adapters for every target, as far as its pool has them: its runs stand or fall together.</summary>
    public bool DrawsPools => Points.Any(point => point.PoolSize is not null);

    /// <summary>Specialists of the zoo that it is about, where that is another one than the shipped; null: any zoo.</summary>
    public int? ZooSize { get; init; }

    /// <summary>A target without specialist or data is named and left out; else it is an error.</summary>
    public bool SkipsMissing { get; init; }

    public IReadOnlyList<Claim> Claims { get; init; } = [];

    /// <summary>What the page must say about its rows, one sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    public bool IsQuick { get; private init; }

    /// <summary>Some of its rows and targets, with the rows that those use; nothing chosen is all of it.</summary>
    /// <param name="rows">Keys.</param>
    /// <param name="targets">Names.</param>
    /// <exception cref="BadInputException">The experiment has no such row or target, or is one search for all targets.</exception>
    public Experiment ToPart(IReadOnlyList<string> rows, IReadOnlyList<string> targets)
    {
        Require("row", rows, [.. Rows.Select(row => row.Key)]);
        Require("target", targets, [.. Targets.Select(target => target.Name)]);
        if (targets.Count > 0 && Pool == PoolRule.TargetsOnly)
            throw new BadInputException($"{Name} merges for all its targets together; leave --targets out.");
        var used = rows.SelectMany(key => WithUsed(Rows.First(row => row.Key == key))).ToHashSet();
        return this with
        {
            Rows = used.Count == 0 ? Rows : [.. Rows.Where(row => used.Contains(row.Key))],
            Targets = targets.Count == 0 ? Targets : [.. Targets.Where(target => targets.Contains(target.Name))],
        };
    }

    private IEnumerable<string> WithUsed(IExperimentRow row) =>
        row.Uses is { } used ? [row.Key, .. WithUsed(Rows.First(other => other.Key == used))] : [row.Key];

    private void Require(string what, IReadOnlyList<string> chosen, IReadOnlyList<string> known)
    {
        if (chosen.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
            throw new BadInputException($"{Name} has no {what} '{unknown}'; choose among {string.Join(", ", known)}.");
    }

    /// <summary>At most ten minutes on two cores: fewer targets, points, records and seeds; rows take their own smaller budgets.</summary>
    public Experiment ToQuick()
    {
        var merged = Pool == PoolRule.TargetsOnly;
        return this with
        {
            IsQuick = true,
            Targets = merged ? Targets : [.. Targets.Take(Axis is null ? 2 : 1)],
            Seeds = [Seeds[0]],
            Points = Points.Count <= 3 ? Points : [Points[0], Points[Points.Count / 2], Points[^1]],
            ValidationRecords = Math.Min(ValidationRecords, merged ? 15 : 50),
            TestRecords = Math.Min(TestRecords, merged ? 40 : 100),
        };
    }
}

/// <summary>A task of a data set that a merged model is tested on.</summary>
internal sealed record ExperimentTarget(LabTask Task, string DataSet)
{
    /// <summary>Also the name of its specialist.</summary>
    public string Name => SpecialistOf(Task, DataSet);

    /// <summary>Specialists of the same texts, whatever the task: entities may stand beside their relations as <c>NAME_ner</c>.</summary>
    public IReadOnlySet<string> Siblings { get; } = Enum.GetValues<LabTask>()
        .SelectMany(task => ((string[])[Stem(DataSet), Stem(DataSet) + "_ner"]).Select(set => SpecialistOf(task, set))).ToHashSet();

    private static string SpecialistOf(LabTask task, string dataSet) =>
        $"{task.ToString().ToLowerInvariant()}-{dataSet.Replace('_', '-')}";

    private static string Stem(string dataSet) => dataSet.EndsWith("_ner", StringComparison.Ordinal) ? dataSet[..^4] : dataSet;
}

internal enum PoolRule
{
    /// <summary>One search a target, on all specialists but the target's own; those of its data set for other tasks stay.</summary>
    WithoutOwn,

    /// <summary>One search a target, on the specialists of other data sets.</summary>
    WithoutDataSet,

    /// <summary>One search for all targets together, on their own specialists and the distractors.</summary>
    TargetsOnly,
}

/// <summary>One setting of what an experiment varies.</summary>
/// <param name="Label">As in tables; empty where nothing is varied.</param>
internal sealed record ExperimentPoint(string Label)
{
    /// <summary>Adapters drawn from the pool; null for all of them.</summary>
    public int? PoolSize { get; init; }

    /// <summary>Instead of the experiment's.</summary>
    public int? ValidationRecords { get; init; }

    /// <summary>Part of the validation records that get another record's completion, in [0, 1].</summary>
    public double LabelNoise { get; init; }
}

/// <summary>A sentence that the intervals decide: the first row is better than the second.</summary>
/// <param name="First">Key of a row.</param>
/// <param name="Second">Key of a row.</param>
/// <param name="Source">Who says so: "paper", or "Cuvee" for an expectation of this project.</param>
/// <param name="Points">Labels of the points of the first and of the second row; null: both at one point, each point by itself.</param>
internal sealed record Claim(string First, string Second, string Source, (string First, string Second)? Points = null);
