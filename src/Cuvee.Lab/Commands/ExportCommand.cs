using System.CommandLine;
using System.Text.Json;
using Cuvee.CommandLine;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Lab.Data;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab export</c>: one split of one data set, in the prompts of one task.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data")
        {
            Description = "Folder of one data set, such as data/ner/mit_restaurant.",
            Required = true,
        };
        var task = Choice<LabTask>("--task", "What to ask of each text.");
        task.Required = true;
        var split = Choice<Split>("--split", "Part of the data set; test by default.");
        var limit = new Option<int?>("--limit") { Description = "At most this many records, the first of the split." };
        var output = new Option<string>("--out") { Description = "JSON lines file to write.", Required = true };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Seed of the choice of validation records; the zoo was built with the default.",
            DefaultValueFactory = _ => ValidationReserve.DefaultSeed,
        };
        var json = new Option<bool>("--json") { Description = "Print the counts as JSON on standard output." };
        limit.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1) result.AddError("--limit must be at least 1.");
        });

        var command = new ExampleCommand(
            "export",
            "Write a data set as prompts and completions in the zoo's format.",
            "cuvee-lab export --data data/ner/mit_restaurant --task ner --split validation --limit 100 --out validation.jsonl",
            "cuvee-lab export --data data/re/conll04 --task ep --out conll04-pairs.jsonl") { data, task, split, limit, output, seed, json };
        command.SetAction(arguments =>
        {
            var dataSet = DataSetCatalog.OpenDataSet(arguments.GetRequiredValue(data), arguments.GetValue(seed));
            var part = Parse<Split>(arguments.GetValue(split) ?? "test");
            var built = TaskBuilder.Build(dataSet, Parse<LabTask>(arguments.GetRequiredValue(task)), part, arguments.GetValue(limit));
            var path = arguments.GetRequiredValue(output);
            if (built.Records.Count == 0)
                throw new BadInputException(
                    $"The data set \"{dataSet.Name}\" has no {part.ToString().ToLowerInvariant()} record for this task.");
            RecordFile.Write(path, built.Records);
            var counts = new
            {
                records = built.Records.Count,
                leftOutForSeparator = built.LeftOutForSeparator,
                leftOutAsEmpty = built.LeftOutAsEmpty,
            };
            if (arguments.GetValue(json)) Console.Out.WriteLine(JsonSerializer.Serialize(counts));
            else
            {
                Console.Error.WriteLine(
                    $"{path}: {counts.records} records; " +
                    $"left out {counts.leftOutForSeparator} with \";\" in a span, {counts.leftOutAsEmpty} with nothing to ask.");
            }

            return 0;
        });
        return command;
    }

    /// <summary>An option that takes the lower-cased names of an enumeration and nothing else (its numbers neither).</summary>
    private static Option<string> Choice<T>(string name, string description)
        where T : struct, Enum
    {
        var option = new Option<string>(name) { Description = description };
        option.AcceptOnlyFromAmong([.. Enum.GetValues<T>().Select(v => v.ToString().ToLowerInvariant())]);
        return option;
    }

    private static T Parse<T>(string value)
        where T : struct, Enum => Enum.Parse<T>(value, ignoreCase: true);
}
