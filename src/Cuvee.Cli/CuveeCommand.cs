using System.CommandLine;
using Cuvee.Cli.Commands;
using Cuvee.Lab.Commands;

namespace Cuvee.Cli;

/// <summary>The whole command line.</summary>
public static class CuveeCommand
{
    public static Command Create() => new("cuvee", "Merge LoRA adapters of a black-box language model by asking it, never looking inside.")
    {
        InitCommand.Create(),
        MergeCommand.Create(),
        CompareCommand.Create(),
        ApplyCommand.Create(),
        ExportCommand.Create(),
        FoldCommand.Create(),
        ProvidersCommand.Create(),
        ScoreCommand.Create(),
        EvaluateCommand.Create(),
        GenerateCommand.Create(),
        TokenizeCommand.Create(),
        InspectCommand.Create(),
        ServeCommand.Create(),
        Commands.BenchCommand.Create(),
        ReproduceCommand.Create(),
    };
}
