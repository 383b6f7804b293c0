using System.CommandLine;
using System.Text.Json;
using Cuvee.CommandLine;
using Cuvee.Data;
using Cuvee.Lab.Data;
using Cuvee.Lab.Grammar;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab sample</c>: writes the data of samples/restaurant.</summary>
internal static class SampleCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--out") { Description = "Folder for validation.jsonl and test.jsonl.", Required = true };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Seed of the queries; the committed sample uses the default.",
            DefaultValueFactory = _ => RestaurantSample.DefaultSeed,
        };
        var against = new Option<string?>("--against")
        {
            Description = "Folder of data sets: fail if a query equals one of their texts (letters and digits compared).",
        };
        var json = new Option<bool>("--json") { Description = "Print the counts as JSON on standard output." };

        var command = new ExampleCommand(
            "sample",
            "Write the restaurant queries of the quick start with the project's own grammar.",
            "cuvee-lab sample --out samples/restaurant",
            "cuvee-lab sample --out samples/restaurant --against data") { output, seed, against, json };
        command.SetAction(arguments =>
        {
            var (validation, test) = RestaurantSample.Generate(arguments.GetValue(seed));
            if (arguments.GetValue(against) is { } root)
            {
                var taken = FindTaken(root, [.. validation, .. test]);
                if (taken.Count > 0)
                {
                    throw new InvalidOperationException(
                        $"{taken.Count} queries are texts of the data sets in {root}, the first \"{taken[0].Text}\"; " +
                        "change the grammar or the seed.");
                }
            }

            var folder = arguments.GetRequiredValue(output);
            RecordFile.Write(Path.Combine(folder, "validation.jsonl"), RestaurantSample.ToPrompts(validation, Split.Validation));
            RecordFile.Write(Path.Combine(folder, "test.jsonl"), RestaurantSample.ToPrompts(test, Split.Test));
            if (arguments.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new
                {
                    validation = validation.Count,
                    test = test.Count,
                    types = validation.Concat(test).SelectMany(r => r.Entities)
                        .GroupBy(e => e.Type).ToDictionary(g => g.Key, g => g.Count()),
                }));
            }
            else Console.Error.WriteLine($"{folder}: {validation.Count} validation and {test.Count} test queries.");
            return 0;
        });
        return command;
    }

    private static List<DataRecord> FindTaken(string root, IEnumerable<DataRecord> queries)
    {
        var texts = DataSetCatalog.Open(root).DataSets
            .SelectMany(d => Enum.GetValues<Split>().SelectMany(d.Records))
            .Select(r => TextFingerprint.Of(r.Text))
            .ToHashSet(StringComparer.Ordinal);
        return [.. queries.Where(q => texts.Contains(TextFingerprint.Of(q.Text)))];
    }
}
