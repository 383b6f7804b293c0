using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Lab.Data;
using Cuvee.Lab.References;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab real-tests</c>: the zoo README's tables on exported real test sets.</summary>
internal static class RealTestsCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Folder of data sets.", Required = true };
        var zoo = new Option<string>("--zoo") { Description = "Folder of the zoo.", DefaultValueFactory = _ => "zoo" };
        var work = new Option<string>("--work")
        {
            Description = "Folder for exports and runs; finished runs in it are reused.",
            DefaultValueFactory = _ => "runs/real-tests",
        };
        var seeds = new Option<ulong[]>("--seeds")
        {
            Description = "Seeds of the searches.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [1, 2, 3],
        };
        var validation = new Option<int>("--validation") { Description = "Validation records.", DefaultValueFactory = _ => 100 };
        var test = new Option<int>("--test") { Description = "Test records.", DefaultValueFactory = _ => 300 };
        var paper = new Option<bool>("--paper") { Description = "Add Evo-Merging with its authors' settings (slow)." };
        var targets = new Option<string[]>("--targets") { Description = "Only these targets.", AllowMultipleArgumentsPerToken = true };
        var command = new ExampleCommand(
            "real-tests",
            "Compare the searches on real test sets, with three white-box references; markdown on standard output.",
            "cuvee-lab real-tests --data data --seeds 1 2 3 > tables.md") { data, zoo, work, seeds, validation, test, targets, paper };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var names = arguments.GetValue(targets) ?? [];
            var chosen = RealTestTarget.All.Where(t => names.Length == 0 || names.Contains(t.Name)).ToArray();
            if (chosen.Length == 0)
                throw new BadInputException($"--targets knows {string.Join(" and ", RealTestTarget.All.Select(t => t.Name))} only.");
            var runner = new RealTest(
                arguments.GetRequiredValue(zoo),
                DataSetCatalog.Open(arguments.GetRequiredValue(data)),
                arguments.GetRequiredValue(work),
                TimeProvider.System,
                Console.Error,
                arguments.GetValue(paper),
                RealTest.PublishedBudgets);
            foreach (var target in chosen)
            {
                var list = arguments.GetRequiredValue(seeds);
                var (tables, effects) = await runner.RunAsync(
                    target, list, arguments.GetValue(validation), arguments.GetValue(test), cancellationToken);
                await Console.Out.WriteAsync(RealTestReport.Markdown(target, list, tables, effects));
                await Console.Out.FlushAsync(cancellationToken);
            }

            return 0;
        });
        return command;
    }
}
