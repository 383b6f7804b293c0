using System.CommandLine;
using Cuvee.Cli.Progress;
using Cuvee.CommandLine;
using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.Mergekit;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee merge</c>: a run file from search to merged adapter, or a mergekit file to a merged checkpoint.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        var run = new Argument<string>("run.yaml")
        {
            Description = "The run file; every key is in docs/run-yaml.md. Or a mergekit file, docs/mergekit.md.",
        };
        var output = new Option<string?>("--out") { Description = "Folder of the results, instead of the run file's.", HelpName = "DIR" };
        var resume = new Option<bool>("--resume")
        {
            Description = "Go on with the run in the folder; the result has the same bytes as a run never stopped.",
        };
        var queries = new Option<int?>("--queries")
        {
            Description = "With --resume: go on beyond the run's budget, up to this many queries in all.",
            HelpName = "N",
        };
        var tokens = new Option<int?>("--tokens") { Description = "Likewise up to this many tokens in all.", HelpName = "N" };
        var cost = new Option<double?>("--cost") { Description = "Likewise up to this cost in all.", HelpName = "X" };
        var repair = new Option<bool>("--repair")
        {
            Description = "With --resume: cut a damaged journal at its first damaged line and go on from there.",
        };
        var seed = new Option<ulong?>("--seed")
        {
            Description = "With a mergekit file: the seed of random drops, 0 if not given; a run file has its own.",
            HelpName = "N",
        };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and what it will cost at most; ask and write nothing." };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "merge",
            "Search for weights that make one better adapter out of a pool: merged adapter, recipe, manifest, journal and model card. " +
            "Or merge whole models as a mergekit file says.",
            "cuvee merge samples/restaurant/run.yaml --dry-run",
            "cuvee merge samples/restaurant/run.yaml --out runs/second --json",
            "cuvee merge samples/restaurant/run.yaml --out runs/second --resume --queries 15000",
            "cuvee merge samples/mergekit/stacked.yml --out runs/stacked")
            { run, output, resume, queries, tokens, cost, repair, seed, dryRun, json };
        command.Validators.Add(arguments =>
        {
            if (arguments.GetValue(queries) is < 1) arguments.AddError("--queries must be at least 1.");
            if (arguments.GetValue(tokens) is < 1) arguments.AddError("--tokens must be at least 1.");
            if (arguments.GetValue(cost) is <= 0) arguments.AddError("--cost must be above 0.");
            if (arguments.GetValue(resume)) return;
            var raised = arguments.GetValue(queries) is not null ? "--queries"
                : arguments.GetValue(tokens) is not null ? "--tokens"
                : arguments.GetValue(cost) is not null ? "--cost"
                : null;
            if (raised is not null) arguments.AddError($"{raised} raises the budget of a run to --resume.");
            else if (arguments.GetValue(repair)) arguments.AddError("--repair mends the journal of a run to --resume.");
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var path = arguments.GetRequiredValue(run);
            var text = YamlMapping.ReadText(path);
            if (MergekitFile.Describes(text, path))
            {
                if (arguments.GetValue(resume))
                    throw new BadInputException($"{path}: a mergekit file is merged at one go; leave out --resume.");
                await arguments.InvocationConfiguration.Output.WriteLineAsync(
                    new MergekitMerge(path, text, arguments.GetValue(seed) ?? 0).Run(
                        arguments.GetValue(output), arguments.GetValue(dryRun), arguments.GetValue(json),
                        arguments.InvocationConfiguration.Error, TimeProvider.System, cancellationToken));
                return ExitCode.Done;
            }

            if (arguments.GetValue(seed) is not null)
                throw new BadInputException($"{path}: a run file says its own seed; write 'seed: {arguments.GetValue(seed)}' there.");
            var services = Catalog.Default.WithServices(new ServiceNetwork(TimeProvider.System));
            var configuration = RunConfiguration.Parse(text, path, services);
            if (arguments.GetValue(output) is { } folder) configuration = configuration with { Out = Path.GetFullPath(folder) };
            if (arguments.GetValue(resume) && !HoldsRun(configuration.Out))
            {
                throw new BadInputException(
                    $"{configuration.Out}: holds no run to resume ({RunIdentity.FileName} is missing); name its folder, or begin a run " +
                    "without --resume.");
            }

            var raised = new RunBudget(null, arguments.GetValue(queries), arguments.GetValue(tokens), arguments.GetValue(cost));
            var plans = RunPlanner.Plan(
                configuration,
                arguments.GetValue(resume),
                arguments.GetValue(resume) ? RunIdentity.RaisedBudget(configuration.Out).With(raised) : null);
            if (arguments.GetValue(dryRun))
            {
                await new PlanSummary(plans).WriteAsync(arguments.InvocationConfiguration.Output, arguments.GetValue(json));
                return ExitCode.Done;
            }

            var larger = raised == RunBudget.None ? null : raised;
            var where = arguments.GetValue(output) is { } named ? $" --out {ShellWord.Of(named)}" : "";
            var again = $"every answer so far is in the journal, go on with: cuvee merge {ShellWord.Of(path)}{where} --resume";
            MergeReport report;
            try
            {
                report = await MergeProgress.RunAsync(
                    arguments.InvocationConfiguration.Error,
                    TimeProvider.System,
                    plans,
                    progress => new MergeRun(TimeProvider.System, progress)
                        .ExecuteAsync(plans, cancellationToken, new RunOptions(arguments.GetValue(repair), larger)));
            }
            catch (OperationCanceledException exception) when (cancellationToken.IsCancellationRequested)
            {
                throw new StoppedException(
                    HoldsRun(plans[0].Out) ? $"Stopped; {again}" : "Stopped before the run began.", exception);
            }
            catch (QueryBudgetExceededException exception)
            {
                // Not by the run file: another budget there is another run.
                throw new QueryBudgetExceededException(
                    $"{exception.Message.TrimEnd('.')}; {again} --{exception.Limit} N", exception.Limit, exception);
            }
            catch (LanguageModelException exception) when (HoldsRun(plans[0].Out))
            {
                throw new LanguageModelException($"{exception.Message.TrimEnd('.')}; {again}", exception);
            }

            var summary = new MergeSummary(plans, report);
            if (arguments.GetValue(json)) await arguments.InvocationConfiguration.Output.WriteLineAsync(summary.ToJson());
            else summary.Show(PeopleConsole.For(arguments.InvocationConfiguration.Output));
            return ExitCode.Done;
        });
        return command;
    }

    private static bool HoldsRun(string folder) => File.Exists(Path.Combine(folder, RunIdentity.FileName));
}
