using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.Metrics;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee evaluate</c>: answers every prompt and compares with the expected completions.</summary>
internal static class EvaluateCommand
{
    private const ulong IntervalSeed = 42;

    public static Command Create()
    {
        var selection = new ModelSelection();
        var generation = new GenerationSelection();
        var data = RecordQuestions.DataOption();
        var metric = new Option<string>("--metric") { Description = "How answers are compared.", Required = true };
        metric.AcceptOnlyFromAmong([.. MetricCatalog.Names]);
        var answersFile = new Option<string?>("--answers")
        {
            Description = "Also write the answers, as JSON lines; replaces the file.",
            HelpName = "FILE",
        };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "evaluate",
            "Answer each prompt and compare with its completion, with a 95% bootstrap interval over records.",
            "cuvee evaluate --model zoo/base --adapter runs/restaurant-1 --data samples/restaurant/test.jsonl --metric ie-f1",
            "cuvee evaluate --model zoo/base --data samples/restaurant/test.jsonl --metric rouge-l " +
                "--max-tokens 16 --answers runs/answers.jsonl --json");
        selection.AddTo(command);
        foreach (var option in (Option[])[data, metric, answersFile]) command.Options.Add(option);
        generation.AddTo(command);
        command.Options.Add(json);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var path = arguments.GetRequiredValue(data);
            if (arguments.GetValue(answersFile) is { } target) RequireWritable(target, path);
            var chosen = MetricCatalog.Get(arguments.GetRequiredValue(metric));
            var (loaded, template) = selection.Load(arguments, path);
            using var model = loaded;
            var records = RecordFile.Read(path, template);
            var answers = await RecordQuestions.AnswerAsync(
                path, model.GenerateAsync([.. records.Select(record => record.Prompt)], generation.Read(arguments), cancellationToken));
            if (arguments.GetValue(answersFile) is { } file) WriteAnswers(file, records, answers);
            var counts = chosen.Count([.. records.Select(record => record.Completion)], [.. answers.Select(answer => answer.Text)]);
            var (score, interval) = (MetricScore.Of(counts), Bootstrap.Interval(counts, IntervalSeed));
            await arguments.InvocationConfiguration.Output.WriteLineAsync(
                arguments.GetValue(json) ? Json(chosen, score, interval) : Text(chosen, score, interval));
            return ExitCode.Done;
        });
        return command;
    }

    private static string Json(IMetric metric, MetricScore score, ConfidenceInterval interval)
    {
        double[] bounds = [interval.Lower, interval.Upper];
        return metric.HasPrecisionAndRecall
            ? JsonOutput.Line(
                new { Metric = metric.Name, score.Precision, score.Recall, F1 = score.Value, score.Records, Interval = bounds })
            : JsonOutput.Line(new { Metric = metric.Name, score.Value, score.Records, Interval = bounds });
    }

    private static string Text(IMetric metric, MetricScore score, ConfidenceInterval interval)
    {
        var parts = metric.HasPrecisionAndRecall ? $" (precision {100 * score.Precision:0.0}, recall {100 * score.Recall:0.0})" : "";
        return $"{metric.Name} {100 * score.Value:0.0} [{100 * interval.Lower:0.0}, {100 * interval.Upper:0.0}]{parts} " +
            $"over {score.Records} records";
    }

    /// <summary>Before anything is asked: answers must not be lost for want of a folder, nor the data for want of a look.</summary>
    private static void RequireWritable(string file, string data)
    {
        if (Path.GetFullPath(file) == Path.GetFullPath(data))
            throw new BadInputException($"{file}: is the data itself; name another file for --answers.");
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file))))
            throw new BadInputException($"{file}: its folder does not exist; make it, or name another file for --answers.");
    }

    private static void WriteAnswers(string file, IReadOnlyList<PromptCompletion> records, IReadOnlyList<GeneratedCompletion> answers) =>
        AtomicFile.Write(file, stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
            foreach (var (record, answer) in records.Zip(answers))
                writer.WriteLine(JsonOutput.Line(new { record.Id, Expected = record.Completion, Answer = answer.Text }));
        });
}
