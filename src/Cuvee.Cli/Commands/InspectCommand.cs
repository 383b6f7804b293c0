using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Inspection;

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
        var groups = new Option<double>("--group-cosine")
        {
            Description = "Adapters are grouped as long as the mean cosine between two groups is at least this.",
            DefaultValueFactory = _ => PoolInspection.DefaultGroupCosine,
            HelpName = "X",
        }.InRange(-1d, 1d);
        var model = new Option<string?>("--model")
        {
            Description = "The base model; needed for .gguf adapters of Llama's architecture.",
            HelpName = "DIR",
        };
        var allowDifferentBases = ModelSelection.AllowDifferentBasesOption();
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "inspect",
            "Ranks, norms, groups, near-duplicates and sign conflict of a pool's adapters, and what is wrong with them.",
            "cuvee inspect zoo/adapters",
            "cuvee inspect zoo/adapters --exclude ner-mit-restaurant --json")
            { pool, exclude, rows, groups, model, allowDifferentBases, json };
        command.SetAction(arguments =>
        {
            var adapters = AdapterPool.Load(
                arguments.GetRequiredValue(pool), arguments.GetValue(exclude), arguments.GetValue(allowDifferentBases),
                ModelSelection.Reading(arguments) with
                {
                    Base = arguments.GetValue(model) is { } path ? ModelFolder.Open(path).Config
                    : null
                });
            var report = PoolInspection.Inspect(adapters, arguments.GetValue(rows), arguments.GetValue(groups));
            var output = arguments.InvocationConfiguration.Output;
            string[] lines = arguments.GetValue(json) ? [Json(report)] : [.. PoolReportText.Lines(report, arguments.GetValue(groups))];
            foreach (var line in lines) output.WriteLine(line);
            return ExitCode.Done;
        });
        return command;
    }

    private static string Json(PoolReport report)
    {
        string Name(int adapter) => report.Adapters[adapter].Name;
        return JsonOutput.Line(new
        {
            report.Summary,
            report.Adapters,
            Groups = report.Groups.Select(group => new { group.Name, Adapters = group.Members.Select(Name), group.MeanCosine }),
            NearDuplicates = report.NearDuplicates.Select(pair =>
                new { Adapters = (string[])[Name(pair.First), Name(pair.Second)], pair.Cosine }),
            Outliers = report.Outliers.Select(outlier => new { Adapter = Name(outlier.Adapter), outlier.Ratio }),
            report.CosineSimilarity,
            report.SignConflict,
            SignEntries = new { report.SignEntries.Counted, report.SignEntries.Total },
            report.Problems,
        });
    }
}
