using System.CommandLine;
using Cuvee.Cli.Progress;
using Cuvee.CommandLine;
using Cuvee.Configuration;
using Cuvee.Planning;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee merge</c>: a run file from search to merged adapter.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        var run = new Argument<string>("run.yaml") { Description = "The run file; every key is in docs/run-yaml.md." };
        var output = new Option<string?>("--out") { Description = "Folder of the results, instead of the run file's.", HelpName = "DIR" };
        var resume = new Option<bool>("--resume")
        {
            Description = "Go on with the run in the folder; the result has the same bytes as a run never stopped.",
        };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "merge",
            "Search for weights that make one better adapter out of a pool: merged adapter, recipe, manifest, journal and model card.",
            "cuvee merge samples/restaurant/run.yaml",
            "cuvee merge samples/restaurant/run.yaml --out runs/second --json",
            "cuvee merge samples/restaurant/run.yaml --out runs/second --resume") { run, output, resume, json };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var path = arguments.GetRequiredValue(run);
            var configuration = RunConfiguration.Load(path);
            if (arguments.GetValue(output) is { } folder) configuration = configuration with { Out = Path.GetFullPath(folder) };
            var plans = RunPlanner.Plan(configuration, arguments.GetValue(resume));
            MergeReport report;
            try
            {
                report = await MergeProgress.RunAsync(
                    arguments.InvocationConfiguration.Error,
                    TimeProvider.System,
                    plans,
                    progress => new MergeRun(TimeProvider.System, progress).ExecuteAsync(plans, cancellationToken));
            }
            catch (OperationCanceledException exception) when (cancellationToken.IsCancellationRequested)
            {
                var where = arguments.GetValue(output) is { } named ? $" --out {named}" : "";
                throw new StoppedException(
                    $"Stopped; every answer so far is in the journal, go on with: cuvee merge {path}{where} --resume", exception);
            }

            var summary = new MergeSummary(plans, report);
            if (arguments.GetValue(json)) await arguments.InvocationConfiguration.Output.WriteLineAsync(summary.ToJson());
            else summary.Show(PeopleConsole.For(arguments.InvocationConfiguration.Output));
            return ExitCode.Done;
        });
        return command;
    }
}
