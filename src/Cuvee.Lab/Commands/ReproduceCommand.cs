using System.CommandLine;
using System.Text.Json;
using Cuvee.CommandLine;
using Cuvee.Lab.Evolution;
using Cuvee.Lab.Niches;
using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee reproduce</c>: the Evo-Merging paper's tables on the zoo's specialists, and natural niches on digits.</summary>
public static class ReproduceCommand
{
    private const string Results = "docs/results";
    private const string QuickResults = "runs/reproduce/quick";

    private static readonly IReproduction[] All =
    [
        .. ExperimentCatalog.All.Select(experiment => new TableReproduction(experiment)),
        .. NichesExperiment.All.Select(niches => new NichesReproduction(niches)),
        new EvolutionReproduction(),
    ];

    public static Command Create()
    {
        var name = new Argument<string>("experiment") { Description = "Which table." };
        name.AcceptOnlyFromAmong([.. All.Select(experiment => experiment.Name)]);
        var data = new Option<string?>("--data")
        {
            Description = "Folder of data sets (ner/, re/, event/, classify/); niches fetches digits/ into it, evolutionary needs none.",
            HelpName = "DIR",
        };
        var quick = new Option<bool>("--quick")
        {
            Description = "At most ten minutes on two cores: fewer targets, seeds and records, smaller budgets.",
        };
        var output = new Option<string?>("--out")
        {
            Description = $"Folder of EXPERIMENT.json, its page and plots; {Results} by default, {QuickResults} with --quick.",
            HelpName = "DIR",
        };
        var zoo = new Option<string>("--zoo") { Description = "Folder of the zoo.", DefaultValueFactory = _ => "zoo", HelpName = "DIR" };
        var runs = new Option<string>("--runs")
        {
            Description = "Folder of the runs; finished ones are used again, cut ones go on.",
            DefaultValueFactory = _ => "runs/reproduce",
            HelpName = "DIR",
        };
        var seeds = new Option<int?>("--seeds") { Description = "Seeds 1 to N, instead of the experiment's.", HelpName = "N" };
        seeds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 1000) result.AddError("--seeds must lie in [1, 1000].");
        });
        var rows = new Option<string[]>("--rows")
        {
            Description = "Only measure these rows, and write no page: long experiments in parts.",
            HelpName = "KEY",
            AllowMultipleArgumentsPerToken = true,
        };
        var targets = new Option<string[]>("--targets")
        {
            Description = "Only measure these targets, and write no page.",
            HelpName = "NAME",
            AllowMultipleArgumentsPerToken = true,
        };
        var measured = new Option<bool>("--measured")
        {
            Description = "Run nothing: write the table of what is measured so far, without the rows of which a run is missing.",
        };
        var render = new Option<bool>("--render-only") { Description = "Draw page and plots again from EXPERIMENT.json; run nothing." };
        var json = new Option<bool>("--json") { Description = "Print where the results are and the verdict as JSON on standard output." };
        var command = new ExampleCommand(
            "reproduce",
            "Rebuild a table of the Evo-Merging paper on the zoo's specialists: results as JSON, a page and plots.",
            "cuvee reproduce ood --data data --quick",
            "cuvee reproduce niches --data data --quick",
            "cuvee reproduce evolutionary --quick",
            "cuvee reproduce ood --data data --seeds 3",
            "cuvee reproduce ood --data data --rows default ties --targets ner-mit-restaurant",
            "cuvee reproduce ood --data data --measured")
        {
            name, data, quick, output, zoo, runs, seeds, rows, targets, measured, render, json,
        };
        command.Validators.Add(arguments =>
        {
            var asked = arguments.GetResult(name) is { Tokens: [var token, ..] } ? token.Value : null;
            if (All.FirstOrDefault(each => each.Name == asked) is not { } experiment) return; // said already
            if (experiment.NeedsData && arguments.GetValue(data) is null && !arguments.GetValue(render))
                arguments.AddError("--data is missing; name the folder of data sets, or add --render-only.");
            var isPart = arguments.GetValue(rows) is { Length: > 0 } || arguments.GetValue(targets) is { Length: > 0 };
            if (!experiment.HasParts && (isPart || arguments.GetValue(measured)))
                arguments.AddError($"{experiment.Name} has no parts; leave --rows, --targets and --measured out.");
            else if (isPart && arguments.GetValue(measured))
                arguments.AddError("--measured writes the table of all that is measured; leave --rows and --targets out.");
            if (arguments.GetValue(render) && (isPart || arguments.GetValue(measured)))
                arguments.AddError("--render-only draws the table that is there; leave --rows, --targets and --measured out.");
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var quickly = arguments.GetValue(quick);
            var experiment = All.Single(each => each.Name == arguments.GetRequiredValue(name));
            var options = new ReproductionOptions(
                arguments.GetValue(output) ?? (quickly ? QuickResults : Results), arguments.GetRequiredValue(runs), quickly,
                TimeProvider.System, arguments.InvocationConfiguration.Error)
            {
                Data = arguments.GetValue(data),
                Zoo = arguments.GetRequiredValue(zoo),
                Seeds = arguments.GetValue(seeds) is { } count ? [.. Enumerable.Range(1, count).Select(seed => (ulong)seed)] : null,
                Rows = arguments.GetValue(rows) ?? [],
                Targets = arguments.GetValue(targets) ?? [],
                OnlyMeasured = arguments.GetValue(measured),
            };
            if (!arguments.GetValue(render))
            {
                try
                {
                    await experiment.MeasureAsync(options, cancellationToken);
                }
                catch (OperationCanceledException exception) when (cancellationToken.IsCancellationRequested)
                {
                    throw new StoppedException("Stopped; everything answered so far is kept, go on with the same command.", exception);
                }

                if (options.IsPart) return ExitCode.Done;
            }

            var (page, verdict) = experiment.Draw(options.Folder);
            await arguments.InvocationConfiguration.Output.WriteLineAsync(arguments.GetValue(json)
                ? JsonSerializer.Serialize(new { results = ResultsJson.PathOf(options.Folder, experiment.Name), page, verdict })
                : $"{page}: {verdict}");
            return ExitCode.Done;
        });
        return command;
    }
}
