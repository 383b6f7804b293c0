using Cuvee.Metrics;
using Cuvee.Numerics;
using Cuvee.Reporting;

namespace Cuvee.Lab.Reproduction;

/// <summary>The measured rows of one point and one target.</summary>
/// <param name="Draw">Targets with one name share the draw of runs: those of one case have the same runs, others the same pools.</param>
/// <param name="DataSet">Targets of one data set with as many test records have the same texts, and so the draw of records.</param>
/// <param name="PoolSize">Adapters that the searches chose from.</param>
/// <param name="Rows">By key: one a seed, in the order of the seeds, with the tokens that finding it cost.</param>
internal sealed record MeasuredTarget(
    string Target, string Draw, string DataSet, int PoolSize, int ValidationRecords,
    IReadOnlyDictionary<string, IReadOnlyList<(MeasuredRow Row, long Tokens)>> Rows);

/// <summary>
/// Bootstrap over seeds and test records together (<see cref="Bootstrap.Resample"/>), paired: all rows of a target are drawn at the same
/// seeds and records. Targets of different texts are drawn apart; an average counts each target the same.
/// </summary>
internal sealed class ExperimentStatistics(
    IReadOnlyList<MeasuredTarget> targets, string mainRow, int resamples = Bootstrap.DefaultResamples)
{
    private const ulong Seed = 2509;

    private readonly Dictionary<(string Target, string Row), (ResampledValue Score, ResampledValue Loss)> drawn = [];

    public IReadOnlyList<RowSummary> RowsOf(MeasuredTarget target, IEnumerable<string> keys) => Summaries([target], keys);

    public IReadOnlyList<RowSummary> Average(IEnumerable<string> keys) => Summaries(targets, keys);

    /// <returns>First minus second; null where no target has both.</returns>
    public (ConfidenceInterval Score, ConfidenceInterval Loss)? Difference(string first, string second) =>
        Difference(targets, first, second);

    private RowSummary[] Summaries(IReadOnlyList<MeasuredTarget> among, IEnumerable<string> keys) =>
    [
        .. keys.Where(key => among.Any(target => target.Rows.ContainsKey(key))).Select(key =>
        {
            MeasuredTarget[] having = [.. among.Where(target => target.Rows.ContainsKey(key))];
            double Mean(Func<MeasuredRow, long, double> value) =>
                having.Average(target => target.Rows[key].Average(run => value(run.Row, run.Tokens)));
            var difference = key == mainRow ? null : Difference(among, key, mainRow);
            return new RowSummary(
                key,
                having.Length,
                Mean((row, _) => row.Queries),
                Mean((_, tokens) => tokens),
                Mean((row, _) => row.ValidationLoss),
                ResampledValue.Mean([.. having.Select(target => Draw(target, key).Loss)]).Interval,
                Mean((row, _) => row.Score.Precision),
                Mean((row, _) => row.Score.Recall),
                ResampledValue.Mean([.. having.Select(target => Draw(target, key).Score)]).Interval,
                difference?.Loss,
                difference?.Score);
        }),
    ];

    private (ConfidenceInterval Score, ConfidenceInterval Loss)? Difference(
        IReadOnlyList<MeasuredTarget> among, string first, string second)
    {
        MeasuredTarget[] both = [.. among.Where(target => target.Rows.ContainsKey(first) && target.Rows.ContainsKey(second))];
        if (both.Length == 0) return null;
        ConfidenceInterval Of(Func<(ResampledValue Score, ResampledValue Loss), ResampledValue> value) => ResampledValue.Mean(
            [.. both.Select(target => value(Draw(target, first)).Minus(value(Draw(target, second))))]).Interval;
        return (Of(pair => pair.Score), Of(pair => pair.Loss));
    }

    private (ResampledValue Score, ResampledValue Loss) Draw(MeasuredTarget target, string key)
    {
        if (drawn.TryGetValue((target.Target, key), out var known)) return known;
        var texts = targets.First(other => other.DataSet == target.DataSet && RecordsOf(other) == RecordsOf(target)).Target;
        var records = SeededRandom.Derive(Seed, $"records/{texts}").NextUInt64();
        var runs = SeededRandom.Derive(Seed, $"runs/{target.Draw}").NextUInt64();
        ResampledValue Of(Func<MeasuredRow, IReadOnlyList<Ratio>> values) =>
            Bootstrap.Resample([.. target.Rows[key].Select(run => values(run.Row))], records, resamples, runs);
        return drawn[(target.Target, key)] =
            (Of(row => [.. row.Counts.Select(counts => counts.ToRatio())]), Of(row => row.Losses));
    }

    private static int RecordsOf(MeasuredTarget target) => target.Rows.Values.First()[0].Row.Counts.Count;
}
