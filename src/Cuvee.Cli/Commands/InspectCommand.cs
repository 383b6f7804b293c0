using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Inspection;
using Spectre.Console;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee inspect</c>: what is in a pool, before queries are spent on it.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var pool = new Argument<string>("pool") { Description = "Folder of adapters, one a sub-folder." };
        var exclude = new Option<string[]>("--exclude")
        {
            Description = "Adapters to leave out.",
            AllowMultipleArgumentsPerToken = true,
            HelpName = "NAME",
        };
        var rows = new Option<int>("--rows")
        {
            Description = "Rows of each module on which signs are compared.",
            DefaultValueFactory = _ => 64,
            HelpName = "N",
        }.AtLeast(1);
        var model = new Option<string?>("--model")
        {
            Description = "The base model; needed for .gguf adapters of Llama's architecture.",
            HelpName = "DIR",
        };
        var allowDifferentBases = ModelSelection.AllowDifferentBasesOption();
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "inspect",
            "Ranks, norms, similarity and sign conflict of a pool's adapters, and what is wrong with them.",
            "cuvee inspect zoo/adapters",
            "cuvee inspect zoo/adapters --exclude ner-mit-restaurant --json") { pool, exclude, rows, model, allowDifferentBases, json };
        command.SetAction(arguments =>
        {
            var adapters = AdapterPool.Load(
                arguments.GetRequiredValue(pool), arguments.GetValue(exclude), arguments.GetValue(allowDifferentBases),
                ModelSelection.Reading(arguments) with
                {
                    Base = arguments.GetValue(model) is { } path ? ModelFolder.Open(path).Config
                    : null
                });
            var report = PoolInspection.Inspect(adapters, arguments.GetValue(rows));
            var output = arguments.InvocationConfiguration.Output;
            if (arguments.GetValue(json)) output.WriteLine(Json(report));
            else Show(PeopleConsole.For(output), report);
            return ExitCode.Done;
        });
        return command;
    }

    private static string Json(PoolReport report) => JsonOutput.Line(new
    {
        report.Adapters,
        report.CosineSimilarity,
        report.SignConflict,
        SignEntries = new { report.SignEntries.Counted, report.SignEntries.Total },
        report.Problems,
    });

    private static void Show(IAnsiConsole console, PoolReport report)
    {
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumn("adapter");
        foreach (var head in (string[])["rank", "scaling", "modules", "parameters", "norm", "largest cosine", "sign conflict"])
            table.AddColumn(new TableColumn(head).RightAligned());
        for (var i = 0; i < report.Adapters.Count; i++)
        {
            var adapter = report.Adapters[i];
            var others = Enumerable.Range(0, report.Adapters.Count).Where(j => j != i).ToList();
            string[] cells =
            [
                adapter.Name,
                string.Join(", ", adapter.Ranks),
                string.Join(", ", adapter.Scalings),
                $"{adapter.Modules}",
                $"{adapter.Parameters:#,0}",
                $"{adapter.DeltaNorm:0.###}",
                others.Count == 0 ? "" : $"{others.Max(j => report.CosineSimilarity[i][j]):0.00}",
                others.Count == 0 ? "" : $"{others.Average(j => report.SignConflict[i][j]):0.00}",
            ];
            table.AddRow([.. cells.Select(cell => new Text(cell))]);
        }

        console.Write(table);
        console.WriteLine("cosine: largest over the other adapters; sign conflict: mean over them, 0.5 for unrelated updates.");
        foreach (var problem in report.Problems) console.WriteLine("problem: " + problem);
    }
}
