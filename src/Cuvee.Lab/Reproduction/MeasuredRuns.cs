using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.Metrics;
using Cuvee.Reporting;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// What the tables are made of, record by record: <c>records/EXPERIMENT.jsonl</c> beside the results, a line for each run and test. A run
/// that stands in any of the folder's files is not repeated, on whatever machine it was made.
/// </summary>
internal sealed class MeasuredRuns
{
    private const int LongestLine = 16 << 20; // bytes

    private readonly string folder;
    private readonly Dictionary<string, MeasuredRun> runs = new(StringComparer.Ordinal);

    /// <summary>A torn last line, which a process left that was cut while it wrote, is no run.</summary>
    /// <param name="resultsFolder">Of the experiments' results; need not exist.</param>
    /// <exception cref="BadInputException">A line is no measured run.</exception>
    public MeasuredRuns(string resultsFolder)
    {
        folder = Path.Combine(resultsFolder, "records");
        if (!Directory.Exists(folder)) return;
        foreach (var path in Directory.GetFiles(folder, "*.jsonl").Order(StringComparer.Ordinal)) Read(path);
    }

    /// <param name="run">As in <see cref="MeasuredRun.Run"/>.</param>
    public MeasuredRun? Find(string run) => runs.GetValueOrDefault(run);

    /// <summary>Appends a line to the experiment's file, in place of a torn one.</summary>
    public void Add(string experiment, MeasuredRun run)
    {
        runs.Add(run.Run, run);
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, experiment + ".jsonl");
        using var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        CutTornLine(stream);
        stream.Seek(0, SeekOrigin.End);
        stream.Write(ResultsJson.LineOf(run));
    }

    /// <summary>Only a torn line, the last, ends without a line feed.</summary>
    private static void CutTornLine(FileStream stream)
    {
        if (stream.Length == 0) return;
        stream.Seek(-1, SeekOrigin.End);
        if (stream.ReadByte() == '\n') return;
        var lines = new LineReader(stream, LongestLine);
        while (!lines.Next().IsEmpty) continue;
        stream.SetLength(lines.Consumed);
    }

    private void Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var lines = new LineReader(stream, LongestLine);
        for (var number = 1; lines.Next() is { IsEmpty: false } line; number++)
        {
            var run = ResultsJson.TryParse<MeasuredRun>(line.Span) is { IsWhole: true } whole ? whole : throw new BadInputException(
                $"{path}: line {number} is not what an experiment measured; remove the line, and its run is repeated.");
            runs.TryAdd(run.Run, run);
        }
    }
}

/// <summary>One row of one seed on one test; arrays are [test records].</summary>
/// <param name="Run">Everything that decides it: case, row, seed, test.</param>
/// <param name="Name">The row's, with what the run chose.</param>
/// <param name="Queries">Of finding the row's models.</param>
/// <param name="Tokens">Prompt and answer tokens of those.</param>
/// <param name="ValidationLoss">Nats per answer token.</param>
/// <param name="Losses">Negative log-probabilities in nats, to 1e-5; of several models their sum.</param>
/// <param name="Scored">Answer tokens.</param>
/// <param name="Matched">Counts of the metric.</param>
/// <param name="Predicted">Counts of the metric.</param>
/// <param name="Expected">Counts of the metric.</param>
internal sealed record MeasuredRun(
    string Run, string Name, long Queries, long Tokens, double ValidationLoss, double[] Losses, double[] Scored, double[] Matched,
    double[] Predicted, double[] Expected)
{
    /// <summary>Whether all arrays are of the same records.</summary>
    internal bool IsWhole =>
        Losses.Length > 0 && ((double[][])[Scored, Matched, Predicted, Expected]).All(array => array.Length == Losses.Length);

    public MeasuredRow RowOf(IExperimentRow row) => new(
        row.Key, Name, row.Kind is ExperimentRowKind.Search or ExperimentRowKind.Baseline ? RowKind.Search : RowKind.Control, Queries)
    {
        ValidationLoss = ValidationLoss,
        Losses = [.. Losses.Zip(Scored, (loss, tokens) => new Ratio(loss, tokens))],
        Counts = [.. Matched.Select((matched, i) => new MetricCounts(matched, Predicted[i], Expected[i]))],
    };
}
