using System.CommandLine;
using System.Text;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Metrics;
using Cuvee.Reporting;
using Cuvee.Runs;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee compare</c>: one table of finished runs.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var runs = new Argument<string[]>("run")
        {
            Description = "Folders of finished runs whose run file has a 'compare' section; rows of the same name are pooled.",
            Arity = ArgumentArity.OneOrMore,
        };
        var format = new Option<string>("--format") { Description = "Form of the table.", DefaultValueFactory = _ => "text" };
        format.AcceptOnlyFromAmong("text", "json", "csv", "markdown");
        var output = new Option<string?>("--out")
        {
            Description = "Write the table here, not to standard output; replaces the file.",
            HelpName = "FILE",
        };
        var resamples = new Option<int>("--resamples")
        {
            Description = "Draws of the bootstrap over runs and test records.",
            DefaultValueFactory = _ => Bootstrap.DefaultResamples,
            HelpName = "N",
        }.InRange(100, 100_000);
        var json = JsonOutput.Option();
        json.Description = "The same as --format json.";
        var command = new ExampleCommand(
            "compare",
            "One table of finished runs, such as several seeds of a run file: means over runs, 95% intervals over runs and test records, " +
            "and the main search's paired difference to every row (json and csv: of every pair).",
            "cuvee compare runs/restaurant-1",
            "cuvee compare runs/restaurant-1 --format markdown --out runs/table.md",
            "cuvee compare runs/restaurant-* --json") { runs, format, output, resamples, json };
        command.Validators.Add(arguments =>
        {
            if (arguments.GetValue(json) && arguments.GetResult(format) is { Implicit: false } && arguments.GetValue(format) != "json")
                arguments.AddError($"--json and --format {arguments.GetValue(format)} exclude each other; leave one out.");
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var table = PooledTable.Of(Read(arguments.GetRequiredValue(runs)), arguments.GetValue(resamples));
            var text = (arguments.GetValue(json) ? "json" : arguments.GetValue(format)) switch
            {
                "json" => ComparisonTableJson.Of(table).ToJsonString(JsonOutput.Options) + "\n",
                "csv" => ComparisonTableText.Csv(table),
                "markdown" => ComparisonTableText.Markdown(table),
                _ => ComparisonTableText.Plain(table),
            };
            if (arguments.GetValue(output) is { } file) AtomicFile.WriteAllBytes(file, Encoding.UTF8.GetBytes(text));
            else await arguments.InvocationConfiguration.Output.WriteAsync(text.AsMemory(), cancellationToken);
            return ExitCode.Done;
        });
        return command;
    }

    private static List<(string Source, ComparisonTable Table)> Read(string[] folders)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var folder in folders)
        {
            if (!taken.Add(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))))
                throw new BadInputException($"{folder}: the run is named twice; name it once.");
            bool Holds(string file) => File.Exists(Path.Combine(folder, file));
            var problem =
                !Directory.Exists(folder) ? "no such folder; name the folder of a finished run"
                : !Holds(RunWriter.ManifestFileName)
                    ? $"holds no finished run ({RunWriter.ManifestFileName} is missing); finish it with cuvee merge --resume"
                : !Holds(ComparisonTable.JsonFileName)
                    ? "the run made no table, because its run file has no 'compare'; add it and merge again into another 'out'"
                : null;
            if (problem is not null) throw new BadInputException($"{folder}: {problem}.");
        }

        List<(string, ComparisonTable)> runs =
            [.. folders.Select(folder => (folder, ComparisonFile.Read(Path.Combine(folder, ComparisonTable.JsonFileName))))];
        RowOrigins.RequireSame(runs);
        return runs;
    }
}
