using System.CommandLine;
using System.Text.Json;
using Cuvee.CommandLine;
using Cuvee.Lab.Data;
using Cuvee.Lab.Evolution;
using Cuvee.Lab.Niches;
using Cuvee.Lab.Parents;
using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee reproduce</c>: the Evo-Merging paper's tables on the zoo's specialists, and natural niches on digits.</summary>
public static class ReproduceCommand
{
    private const string Results = "docs/results";
    private const string QuickResults = "runs/reproduce/quick";

    public static Command Create()
    {
        var name = new Argument<string>("experiment") { Description = "Which table." };
        name.AcceptOnlyFromAmong(
        [
            .. ExperimentCatalog.All.Select(experiment => experiment.Name), .. NichesExperiment.All.Select(niches => niches.Name),
            EvolutionExperiment.Name,
        ]);
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
        var render = new Option<bool>("--render-only") { Description = "Draw page and plots again from EXPERIMENT.json; run nothing." };
        var json = new Option<bool>("--json") { Description = "Print where the results are and the verdict as JSON on standard output." };
        var command = new ExampleCommand(
            "reproduce",
            "Rebuild a table of the Evo-Merging paper on the zoo's specialists: results as JSON, a page and plots.",
            "cuvee reproduce ood --data data --quick",
            "cuvee reproduce niches --data data --quick",
            "cuvee reproduce evolutionary --quick",
            "cuvee reproduce ood --data data --seeds 3",
            "cuvee reproduce ood --data data --rows default ties --targets ner-mit-restaurant")
        {
            name, data, quick, output, zoo, runs, seeds, rows, targets, render, json,
        };
        command.Validators.Add(arguments =>
        {
            if (arguments.GetValue(data) is null && !arguments.GetValue(render)
                && arguments.GetValue(name) != EvolutionExperiment.Name)
                arguments.AddError("--data is missing; name the folder of data sets, or add --render-only.");
            if (IsPart(arguments.GetValue) && ExperimentCatalog.All.All(experiment => experiment.Name != arguments.GetValue(name)))
                arguments.AddError($"--rows and --targets choose no part of {arguments.GetValue(name)}; leave them out.");
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var experiment = arguments.GetRequiredValue(name);
            var niches = NichesExperiment.All.FirstOrDefault(each => each.Name == experiment);
            var folder = arguments.GetValue(output) ?? (arguments.GetValue(quick) ? QuickResults : Results);
            var path = ResultsJson.PathOf(folder, experiment);
            IReadOnlyList<ulong>? chosenSeeds = arguments.GetValue(seeds) is { } count
                ? [.. Enumerable.Range(1, count).Select(seed => (ulong)seed)]
                : null;
            if (!arguments.GetValue(render))
            {
                try
                {
                    if (niches is not null) await RunNichesAsync(niches);
                    else if (experiment == EvolutionExperiment.Name) await RunEvolutionAsync();
                    else await RunAsync();
                }
                catch (OperationCanceledException exception) when (cancellationToken.IsCancellationRequested)
                {
                    throw new StoppedException("Stopped; everything answered so far is kept, go on with the same command.", exception);
                }
            }

            if (IsPart(arguments.GetValue) && !arguments.GetValue(render)) return ExitCode.Done;
            var (page, verdict) = niches is not null ? WriteNiches()
                : experiment == EvolutionExperiment.Name ? WriteEvolution()
                : Write();
            await arguments.InvocationConfiguration.Output.WriteLineAsync(
                arguments.GetValue(json) ? JsonSerializer.Serialize(new { results = path, page, verdict }) : $"{page}: {verdict}");
            return ExitCode.Done;

            async Task RunAsync()
            {
                var chosen = ExperimentCatalog.All.Single(each => each.Name == experiment)
                    .ToPart(arguments.GetValue(rows) ?? [], arguments.GetValue(targets) ?? []);
                if (arguments.GetValue(quick)) chosen = chosen.ToQuick();
                await using var lab = new ExperimentLab(
                    arguments.GetRequiredValue(zoo), DataSetCatalog.Open(arguments.GetValue(data)!), arguments.GetRequiredValue(runs),
                    new MeasuredRuns(folder), TimeProvider.System, arguments.InvocationConfiguration.Error);
                var runner = new ExperimentRunner(chosen with { Seeds = chosenSeeds ?? chosen.Seeds }, lab);
                if (IsPart(arguments.GetValue)) await runner.MeasureAsync(cancellationToken);
                else ResultsJson.Write(path, await runner.RunAsync(cancellationToken));
            }

            async Task RunNichesAsync(NichesExperiment full)
            {
                var chosen = arguments.GetValue(quick) ? full.ToQuick() : full;
                var images = await chosen.ReadAsync(arguments.GetValue(data)!, cancellationToken);
                chosen = chosen with { Seeds = chosenSeeds ?? chosen.Seeds };
                ResultsJson.Write(path, chosen.Run(
                    images, arguments.GetRequiredValue(runs), TimeProvider.System, arguments.InvocationConfiguration.Error,
                    cancellationToken));
            }

            async Task RunEvolutionAsync()
            {
                var (quickly, log) = (arguments.GetValue(quick), arguments.InvocationConfiguration.Error);
                var folder = Path.Combine(arguments.GetRequiredValue(runs), quickly ? "parents-quick" : "parents");
                ParentsBuilder.For(quickly, arguments.GetRequiredValue(zoo), folder, seed: 1, TimeProvider.System, log)
                    .Build(ParentsBuilder.RecordsOf(quickly), cancellationToken);
                var evolution = new EvolutionExperiment(
                    new ParentsFolder(folder), arguments.GetRequiredValue(runs), quickly, TimeProvider.System, log);
                ResultsJson.Write(path, await evolution.RunAsync(
                    chosenSeeds ?? (quickly ? EvolutionExperiment.QuickSeeds : EvolutionExperiment.Seeds), cancellationToken));
            }

            (string Page, string Verdict) Write()
            {
                var results = ResultsJson.Read(path);
                return (ResultsPage.Write(folder, results), ResultsPage.Verdict(results));
            }

            (string Page, string Verdict) WriteEvolution()
            {
                var results = ResultsJson.Read<EvolutionResults>(path);
                return (EvolutionPage.Write(folder, results), EvolutionPage.Verdict(results));
            }

            (string Page, string Verdict) WriteNiches()
            {
                var results = ResultsJson.Read<NichesResults>(path);
                return (NichesPage.Write(folder, results), NichesPage.Verdict(results));
            }
        });
        return command;

        bool IsPart(Func<Option<string[]>, string[]?> valueOf) => valueOf(rows) is { Length: > 0 } || valueOf(targets) is { Length: > 0 };
    }
}
