using System.Text;
using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Metrics;
using Cuvee.Reporting;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// What the tables are made of, record by record: <c>records/EXPERIMENT.jsonl</c> beside the results, a line for each run and test. A run
/// that stands in any of the folder's files is not repeated, on whatever machine it was made.
/// </summary>
internal sealed class MeasuredRuns
{
    private static readonly JsonSerializerOptions Options = new(ResultsJson.Options) { WriteIndented = false };

    private readonly string folder;
    private readonly Dictionary<string, MeasuredRun> runs = new(StringComparer.Ordinal);

    /// <param name="resultsFolder">Of the experiments' results; need not exist.</param>
    /// <exception cref="BadInputException">A line is no measured run, and not the cut end of its file.</exception>
    public MeasuredRuns(string resultsFolder)
    {
        folder = Path.Combine(resultsFolder, "records");
        if (!Directory.Exists(folder)) return;
        foreach (var path in Directory.GetFiles(folder, "*.jsonl").Order(StringComparer.Ordinal))
        {
            foreach (var run in Read(path)) runs.TryAdd(run.Run, run);
        }
    }

    /// <param name="run">As in <see cref="MeasuredRun.Run"/>.</param>
    public MeasuredRun? Find(string run) => runs.GetValueOrDefault(run);

    /// <summary>Appends a line to the experiment's file.</summary>
    public void Add(string experiment, MeasuredRun run)
    {
        runs.Add(run.Run, run);
        Directory.CreateDirectory(folder);
        using var stream = new FileStream(
            Path.Combine(folder, experiment + ".jsonl"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        stream.Position = WholeLines(stream);
        stream.SetLength(stream.Position);
        stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(run, Options) + "\n"));
    }

    /// <summary>A process may have been cut while it wrote the last line.</summary>
    /// <returns>Bytes up to and with the last line break.</returns>
    private static long WholeLines(FileStream stream)
    {
        for (var end = stream.Length; end > 0; end--)
        {
            stream.Position = end - 1;
            if (stream.ReadByte() == '\n') return end;
        }

        return 0;
    }

    private static IEnumerable<MeasuredRun> Read(string path)
    {
        var text = File.ReadAllText(path);
        var lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < lines.Length; i++)
        {
            MeasuredRun? run = null;
            try
            {
                run = JsonSerializer.Deserialize<MeasuredRun>(lines[i], Options);
            }
            catch (JsonException)
            {
                // Said below.
            }

            yield return run is { IsWhole: true } ? run : throw new BadInputException(
                $"{path}: line {i + 1} is not what an experiment measured; remove the line, and its run is repeated.");
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
