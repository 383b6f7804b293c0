using System.CommandLine;
using Cuvee.Lab.Commands;

var root = new RootCommand("Data sets, tasks, base model and specialists: what the zoo is made from and with.")
{
    BenchCommand.Create(),
    BuildCommand.Create(),
    ExportCommand.Create(),
    GradientWeightsCommand.Create(),
    RealTestsCommand.Create(),
    SampleCommand.Create(),
    ScoreZooCommand.Create(),
};

return await LabCommandLine.RunAsync(root, args);
