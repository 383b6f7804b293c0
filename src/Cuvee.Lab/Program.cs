using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Lab.Commands;

var root = new Command("cuvee-lab", "Data sets, tasks, base model and specialists: what the zoo is made from and with.")
{
    BenchCommand.Create(),
    BuildCommand.Create(),
    DigitsCommand.Create(),
    ExportCommand.Create(),
    GradientWeightsCommand.Create(),
    ParentsCommand.Create(),
    PruningErrorCommand.Create(),
    RandomModelCommand.Create(),
    RealTestsCommand.Create(),
    SampleCommand.Create(),
    ScoreZooCommand.Create(),
    ValidationLoraCommand.Create(),
};

return await CommandRunner.RunAsync(root, args);
