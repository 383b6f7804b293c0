using System.Text.Json.Serialization;
using Cuvee.Metrics;

namespace Cuvee.Lab.Evolution;

/// <summary>A model on the test records of one skill.</summary>
/// <param name="Exact">A character a record: 1 where the greedy answer equals the expected one, else 0.</param>
/// <param name="Loss">Nats per answer token.</param>
internal sealed record SkillMeasurement(string Skill, string Exact, double Loss)
{
    /// <summary>[records], 1 or 0 out of 1.</summary>
    [JsonIgnore]
    public IReadOnlyList<Ratio> Ratios => [.. Exact.Select(exact => new Ratio(exact - '0', 1))];

    /// <summary>Of the records, in [0, 1].</summary>
    [JsonIgnore]
    public double Share => Exact.Average(exact => exact - '0');
}

/// <summary>One row with one seed, measured on every skill.</summary>
/// <param name="Queries">Validation queries that finding it cost.</param>
internal sealed record EvolutionRunResult(
    string Row, ulong Seed, long Queries, double Seconds, IReadOnlyList<SkillMeasurement> Skills);

/// <summary>A model that no search made: a parent, the base, an upper bound.</summary>
internal sealed record EvolutionReference(string Name, bool IsParent, IReadOnlyList<SkillMeasurement> Skills);

/// <summary>A row over all seeds on one skill.</summary>
/// <param name="AboveBestParent">Exact match minus that of the parent that is best at the skill, paired.</param>
internal sealed record SkillSummary(string Skill, ConfidenceInterval Exact, ConfidenceInterval AboveBestParent, double Loss);

/// <summary>A row over all seeds.</summary>
internal sealed record EvolutionSummary(
    string Row, string Name, double Queries, double Seconds, IReadOnlyList<SkillSummary> Skills);

/// <summary>That one row has more exact matches on the target than another.</summary>
/// <param name="Source">Who says so: the paper, another one, or Cuvee.</param>
/// <param name="Difference">Paired over seeds and records.</param>
internal sealed record EvolutionClaim(string Better, string Worse, string Source, ConfidenceInterval Difference)
{
    public string Verdict => Difference.Lower > 0 ? "confirmed" : Difference.Upper < 0 ? "reversed" : "undecided";
}

/// <summary>evolutionary.json.</summary>
internal sealed record EvolutionResults
{
    private const ulong BootstrapSeed = 2403;

    /// <summary>The pairs of rows that are decided; the empty name is the best parent.</summary>
    private static readonly (string Better, string Worse, string Source)[] Questions =
    [
        (EvolutionRow.Parameters, "", "the paper"),
        (EvolutionRow.Paths, "", "the paper"),
        (EvolutionRow.Both, "", "the paper"),
        (EvolutionRow.Both, EvolutionRow.Parameters, "the paper"),
        (EvolutionRow.Parameters, EvolutionRow.Paths, "the paper"),
        (EvolutionRow.Parameters, EvolutionRow.Mean, "Cuvee"),
        (EvolutionRow.Parameters, EvolutionRow.Sum, "Cuvee"),
        (EvolutionRow.Parameters, EvolutionRow.Ties, "Cuvee"),
        (EvolutionRow.Niches, EvolutionRow.Genetic, "arXiv 2508.16204"),
        (EvolutionRow.Niches, EvolutionRow.Parameters, "Cuvee"),
    ];

    public required bool Quick { get; init; }

    public required string Target { get; init; }

    public required IReadOnlyList<string> Skills { get; init; }

    public required IReadOnlyList<ulong> Seeds { get; init; }

    public required int ValidationRecords { get; init; }

    public required int TestRecords { get; init; }

    public required IReadOnlyList<EvolutionReference> References { get; init; }

    public required IReadOnlyList<EvolutionSummary> Rows { get; init; }

    public required IReadOnlyList<EvolutionClaim> Claims { get; init; }

    public required IReadOnlyList<EvolutionRunResult> Runs { get; init; }

    /// <param name="names">Of the rows, by key.</param>
    public static EvolutionResults Of(
        bool quick, string target, int validationRecords, IReadOnlyList<EvolutionReference> references,
        IReadOnlyList<EvolutionRunResult> runs, Func<string, string> names)
    {
        var skills = references[0].Skills.Select(skill => skill.Skill).ToList();
        var keys = runs.Select(run => run.Row).Distinct().ToList();
        return new EvolutionResults
        {
            Quick = quick,
            Target = target,
            Skills = skills,
            Seeds = [.. runs.Select(run => run.Seed).Distinct().Order()],
            ValidationRecords = validationRecords,
            TestRecords = references[0].Skills.Single(skill => skill.Skill == target).Exact.Length,
            References = references,
            Rows = [.. keys.Select(key => Summary(key, names(key), [.. runs.Where(run => run.Row == key)], skills, references))],
            Claims =
            [
                .. Questions.Where(question => keys.Contains(question.Better) && (question.Worse == "" || keys.Contains(question.Worse)))
                    .Select(question => Claim(question, target, runs, references, names)),
            ],
            Runs = runs,
        };
    }

    /// <summary>The parent with the most exact matches.</summary>
    public static EvolutionReference BestParent(IReadOnlyList<EvolutionReference> references, string skill) =>
        references.Where(reference => reference.IsParent).MaxBy(parent => Of(parent.Skills, skill).Share)!;

    private static EvolutionSummary Summary(
        string row, string name, IReadOnlyList<EvolutionRunResult> runs, IReadOnlyList<string> skills,
        IReadOnlyList<EvolutionReference> references) => new(
            row, name, runs.Average(run => run.Queries), Math.Round(runs.Average(run => run.Seconds), 1),
            [
                .. skills.Select(skill =>
                {
                    var own = Ratios(runs, skill);
                    var parent = Repeated(BestParent(references, skill), skill, own.Length);
                    return new SkillSummary(
                        skill, Bootstrap.Resample(own, BootstrapSeed).Interval, Bootstrap.PooledDifference(own, parent, BootstrapSeed),
                        Math.Round(runs.Average(run => Of(run.Skills, skill).Loss), 4));
                }),
            ]);

    private static EvolutionClaim Claim(
        (string Better, string Worse, string Source) question, string target, IReadOnlyList<EvolutionRunResult> runs,
        IReadOnlyList<EvolutionReference> references, Func<string, string> names)
    {
        // A plain merge is the same for every seed.
        IReadOnlyList<EvolutionRunResult> RunsOf(string row) => [.. runs.Where(run => run.Row == row).OrderBy(run => run.Seed)];
        var better = Ratios(RunsOf(question.Better), target);
        var best = BestParent(references, target);
        var worse = question.Worse == "" ? Repeated(best, target, better.Length) : Ratios(RunsOf(question.Worse), target);
        if (worse.Length == 1) worse = [.. Enumerable.Repeat(worse[0], better.Length)];
        return new EvolutionClaim(
            names(question.Better), question.Worse == "" ? $"the best parent ({best.Name})" : names(question.Worse), question.Source,
            Bootstrap.PooledDifference(better, worse, BootstrapSeed));
    }

    private static IReadOnlyList<Ratio>[] Repeated(EvolutionReference reference, string skill, int runs) =>
        [.. Enumerable.Repeat(Of(reference.Skills, skill).Ratios, runs)];

    private static IReadOnlyList<Ratio>[] Ratios(IEnumerable<EvolutionRunResult> runs, string skill) =>
        [.. runs.Select(run => Of(run.Skills, skill).Ratios)];

    private static SkillMeasurement Of(IReadOnlyList<SkillMeasurement> skills, string skill) => skills.Single(each => each.Skill == skill);
}
