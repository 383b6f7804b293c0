using Cuvee.Formats;
using Cuvee.Lab.Zoo;
using Cuvee.Reporting;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// Runs any experiment: every (case, row, seed) is a folder of its own; measured ones are read (<see cref="MeasuredRuns"/>), finished ones
/// are measured, cut ones go on. Then the measurements become intervals. The results follow from experiment, zoo and data alone, whatever
/// was finished before.
/// </summary>
/// <param name="onlyMeasured">Nothing is run: rows of which a run is missing are left out and named.</param>
internal sealed class ExperimentRunner(Experiment experiment, ExperimentLab lab, bool onlyMeasured = false)
{
    private readonly Dictionary<IExperimentRow, (int Measured, int Missing)> counts = [];

    /// <summary>Measures every row and computes the table.</summary>
    /// <exception cref="BadInputException">Only what is measured was asked for, and no row is measured as a whole.</exception>
    public async Task<ExperimentResults> RunAsync(CancellationToken cancellationToken)
    {
        var builder = new CaseBuilder(experiment, lab);
        var points = new List<PointResults>();
        var claims = new List<ClaimResult>();
        var all = await MeasureAsync(builder, cancellationToken);
        List<IExperimentRow> rows = [.. experiment.Rows.Where(row => counts.GetValueOrDefault(row).Missing == 0)];
        if (rows.Count == 0) throw new BadInputException($"{experiment.Name}: no row of it is measured as a whole; measure some first.");
        var keys = rows.Select(row => row.Key).ToList();
        var claimed = experiment.Claims.Where(claim => keys.Contains(claim.First) && keys.Contains(claim.Second)).ToList();
        var mainRow = keys.Contains(experiment.MainRow) ? experiment.MainRow : keys[0];
        foreach (var (point, measured) in all)
        {
            var statistics = new ExperimentStatistics(measured, mainRow);
            points.Add(new PointResults(
                point.Label,
                statistics.Average(keys),
                [.. measured.Select(target => ResultsOf(target, statistics, keys))]));
            claims.AddRange(Decide(statistics, claimed.Where(claim => claim.Points is null), point.Label));
        }

        var across = claimed.Where(claim => claim.Points is not null).ToList();
        if (across.Count > 0) claims.AddRange(Decide(new ExperimentStatistics(AtAllPoints(all), mainRow), across, ""));

        return new ExperimentResults
        {
            Experiment = experiment.Name,
            Title = experiment.Title,
            Protocol = experiment.Protocol,
            Quick = experiment.IsQuick,
            Metric = Experiment.Metric,
            Seeds = experiment.Seeds,
            ValidationRecords = experiment.ValidationRecords,
            ZooAdapters = lab.AdapterNames.Count,
            Axis = experiment.Axis,
            MainRow = mainRow,
            Rows = [.. rows.Select(row => new RowDescription(
                row.Key, NameOf(row), row.Kind.ToString().ToLowerInvariant(), OneLine(row.Settings(experiment.IsQuick))))],
            Notes = [.. experiment.Notes, .. rows.Select(row => row.Note).OfType<string>(), .. builder.Skipped],
            Missing = [.. experiment.Rows.Except(rows).Select(row =>
                $"{NameOf(row)} ({counts[row].Measured} of {counts[row].Measured + counts[row].Missing} runs)")],
            ClaimsLeftOut = experiment.Claims.Count - claimed.Count,
            Points = points,
            Claims = claims,
        };
    }

    /// <summary>Measures every row, so that tables can be computed later (<see cref="Experiment.ToPart"/>).</summary>
    public Task MeasureAsync(CancellationToken cancellationToken) => MeasureAsync(new CaseBuilder(experiment, lab), cancellationToken);

    /// <returns>Points without a case that fits them are left out.</returns>
    private async Task<List<(ExperimentPoint Point, IReadOnlyList<MeasuredTarget> Targets)>> MeasureAsync(
        CaseBuilder builder, CancellationToken cancellationToken)
    {
        if (experiment.ZooSize is { } size && lab.AdapterNames.Count != size)
        {
            throw new BadInputException(
                $"{lab.AdaptersFolder}: holds {lab.AdapterNames.Count} specialists, and {experiment.Name} is about a zoo of {size}; " +
                "name its folder with --zoo.");
        }

        IReadOnlyList<ExperimentTarget>[] groups = experiment.Pool == PoolRule.TargetsOnly
            ? [builder.Targets]
            : [.. builder.Targets.Select(target => (ExperimentTarget[])[target])];
        var all = new List<(ExperimentPoint, IReadOnlyList<MeasuredTarget>)>();
        foreach (var point in experiment.Points)
        {
            var measured = new List<MeasuredTarget>();
            foreach (var group in groups) measured.AddRange(await MeasureAsync(builder, group, point, cancellationToken));
            if (measured.Count > 0) all.Add((point, measured));
        }

        return all;
    }

    /// <returns>One entry a test of the group; none where the point does not fit its pool or records.</returns>
    private async Task<IReadOnlyList<MeasuredTarget>> MeasureAsync(
        CaseBuilder builder, IReadOnlyList<ExperimentTarget> group, ExperimentPoint point, CancellationToken cancellationToken)
    {
        var rows = group.Select(_ => new Dictionary<string, IReadOnlyList<(MeasuredRow, long)>>(StringComparer.Ordinal)).ToArray();
        ExperimentCase? last = null;
        if (experiment.DrawsPerSeed)
        {
            foreach (var seed in experiment.Seeds)
            {
                if (builder.Build(group, point, seed) is not { } drawn) return [];
                await MeasureCaseAsync(last = drawn, [seed], point, rows, cancellationToken);
            }
        }
        else if (builder.Build(group, point, experiment.Seeds[0]) is { } shared)
        {
            await MeasureCaseAsync(last = shared, experiment.Seeds, point, rows, cancellationToken);
        }

        if (last is null) return [];
        var draw = experiment.DrawsPools ? experiment.Name : last.Name;
        return [.. last.Tests.Select((test, i) => new MeasuredTarget(
            test.Target.Name, draw, test.Target.DataSet, last.Adapters.Count, last.Validation.Count, rows[i]))];
    }

    /// <summary>Adds one measurement a row and seed to each test's rows.</summary>
    private async Task MeasureCaseAsync(
        ExperimentCase task, IReadOnlyList<ulong> seeds, ExperimentPoint point,
        Dictionary<string, IReadOnlyList<(MeasuredRow, long)>>[] rows, CancellationToken cancellationToken)
    {
        await using var session = new CaseSession();
        var outcomes = new Dictionary<string, RowOutcome>(StringComparer.Ordinal); // by folder: no seed changes some rows
        foreach (var seed in seeds)
        {
            foreach (var row in experiment.Rows)
            {
                foreach (var (test, measured) in task.Tests.Zip(rows))
                {
                    var name = RunNameOf(row, task, seed, test);
                    var run = lab.Measured.Find(name);
                    var (before, missing) = counts.GetValueOrDefault(row);
                    counts[row] = run is null && onlyMeasured ? (before, missing + 1) : (before + 1, missing);
                    if (run is null)
                    {
                        if (onlyMeasured) continue;
                        run = await RowMeasurer.MeasureAsync(name, await OutcomeOfAsync(row, seed), test, cancellationToken);
                        lab.Measured.Add(experiment.Name, run);
                    }

                    measured[row.Key] = [.. measured.GetValueOrDefault(row.Key) ?? [], (run.RowOf(row), run.Tokens)];
                }
            }
        }

        async Task<RowOutcome> OutcomeOfAsync(IExperimentRow row, ulong seed)
        {
            var folder = FolderOf(row, task, seed);
            if (outcomes.TryGetValue(folder, out var known)) return known;
            cancellationToken.ThrowIfCancellationRequested();
            var used = row.Uses is { } key ? await OutcomeOfAsync(RowOf(key), seed) : null;
            var at = point.Label.Length > 0 ? $" at {point.Label}" : "";
            lab.Output.WriteLine($"{experiment.Name} {task.Name}{at}, seed {seed}: {row.Name}");
            var context = new RowContext(lab, task, session, row.IsSeeded ? seed : UnseededSeed, experiment.IsQuick, folder, used);
            return outcomes[folder] = await row.RunAsync(context, cancellationToken);
        }
    }

    private const ulong UnseededSeed = 1;

    private IExperimentRow RowOf(string key) => experiment.Rows.First(row => row.Key == key);

    private string FolderOf(IExperimentRow row, ExperimentCase task, ulong seed) => Path.Combine(
        (row.UsesPool ? task : task with { Adapters = [] }).Folder(lab),
        $"{row.Key}-{FingerprintOf(row)[..8]}",
        row.IsSeeded ? $"seed-{seed}" : "any-seed");

    private string FingerprintOf(IExperimentRow row)
    {
        var own = row.Decided(experiment.IsQuick);
        return row is { Uses: { } key, FollowsUsed: true } ? ZooFingerprint.Of(own, FingerprintOf(RowOf(key))) : ZooFingerprint.Of(own);
    }

    /// <summary>Everything that decides a measurement; the folder of the run, seen from that of all runs, is its beginning.</summary>
    private string RunNameOf(IExperimentRow row, ExperimentCase task, ulong seed, ExperimentTest test)
    {
        var specialist = lab.HashOf(lab.AdapterNames.Where(name => name == test.Target.Name));
        var key = ZooFingerprint.Of([specialist, .. RowMeasurer.IdentityOf(test)]);
        var folder = Path.GetRelativePath(lab.RunsFolder, FolderOf(row, task, seed)).Replace(Path.DirectorySeparatorChar, '/');
        return $"{folder}/{test.Target.Name}-{key[..12]}";
    }

    private TargetResults ResultsOf(MeasuredTarget target, ExperimentStatistics statistics, IReadOnlyList<string> keys) => new(
        target.Target,
        target.PoolSize,
        target.ValidationRecords,
        target.Rows.Values.First()[0].Row.Counts.Count,
        // The least: a row of several models has the sum of their tokens.
        target.Rows.Values.Min(runs => runs[0].Row.Losses.Count(loss => RowMeasurer.IsCut(loss.Denominator))),
        statistics.RowsOf(target, keys),
        [.. keys.Where(target.Rows.ContainsKey).SelectMany(key => target.Rows[key].Zip(experiment.Seeds, (run, seed) => new SeedResult(
            key, seed, run.Row.Name, run.Row.Queries, run.Tokens, run.Row.ValidationLoss, run.Row.TestLoss, run.Row.Score.Precision,
            run.Row.Score.Recall, run.Row.Score.Value)))]);

    private static IEnumerable<ClaimResult> Decide(ExperimentStatistics statistics, IEnumerable<Claim> claims, string point)
    {
        foreach (var claim in claims)
        {
            var (first, second) = (claim.First, claim.Second);
            if (claim.Points is var (one, other)) (first, second) = (KeyAt(first, one), KeyAt(second, other));
            if (statistics.Difference(first, second) is not var (score, loss)) continue;
            yield return new ClaimResult(
                claim.First, claim.Second, claim.Source, claim.Points?.First ?? point, claim.Points?.Second, score, loss,
                ClaimResult.VerdictOf(score));
        }
    }

    /// <summary>Every target once, with the rows of all points under keys of their own.</summary>
    private static List<MeasuredTarget> AtAllPoints(IEnumerable<(ExperimentPoint Point, IReadOnlyList<MeasuredTarget> Targets)> points) =>
    [
        .. points.SelectMany(at => at.Targets.Select(target => (at.Point.Label, Target: target))).GroupBy(each => each.Target.Target)
            .Select(each => each.First().Target with
            {
                Rows = each.SelectMany(at => at.Target.Rows.Select(row => (Key: KeyAt(row.Key, at.Label), row.Value)))
                    .ToDictionary(row => row.Key, row => row.Value, StringComparer.Ordinal),
            }),
    ];

    private static string KeyAt(string row, string point) => $"{row} at {point}";

    /// <summary>A row whose quick settings are smaller is not what its name says.</summary>
    private string NameOf(IExperimentRow row) =>
        experiment.IsQuick && row.Settings(quick: true) != row.Settings(quick: false) ? $"{row.Name}, shortened" : row.Name;

    private static string OneLine(string settings) =>
        string.Join("; ", settings.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
