using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Lab.Parents;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab parents</c>: models to merge whose skills together make one that none of them has.</summary>
internal static class ParentsCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--out") { Description = "Folder of the models, the records and parents.json.", Required = true };
        var zoo = new Option<string>("--zoo") { Description = "Folder of the zoo.", DefaultValueFactory = _ => "zoo", HelpName = "DIR" };
        var seed = new Option<ulong>("--seed") { Description = "Same seed, same bytes.", DefaultValueFactory = _ => 1 };
        var quick = new Option<bool>("--quick") { Description = "A fiftieth of the training, few records: the way, not the skills." };
        var command = new ExampleCommand(
            "parents",
            "Train parents worth merging: a model of word problems, a model of Esperanto, their base and upper bounds.",
            "cuvee-lab parents --out runs/parents",
            "cuvee-lab parents --out runs/parents-quick --quick") { output, zoo, seed, quick };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var isQuick = arguments.GetValue(quick);
            var builder = ParentsBuilder.For(
                isQuick, arguments.GetRequiredValue(zoo), arguments.GetRequiredValue(output), arguments.GetValue(seed), TimeProvider.System,
                Console.Error);
            var table = await builder.BuildAndMeasureAsync(ParentsBuilder.RecordsOf(isQuick), cancellationToken);
            await Console.Out.WriteAsync(table.Render());
            return ExitCode.Done;
        });
        return command;
    }
}
