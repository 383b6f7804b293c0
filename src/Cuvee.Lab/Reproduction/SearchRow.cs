using System.Text.Json;
using Cuvee.Configuration;
using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.Journaling;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// A row by a run of the product: a run file, its journal, its manifest. A finished run is taken from its folder, a cut one goes on by
/// journal replay. Published methods run without the fallback that ships the best single adapter instead of a worse result.
/// </summary>
/// <param name="search">Keys of the run file: search, preset, space, settings, objective.</param>
/// <param name="full">Further keys, such as the budget.</param>
/// <param name="quick">Instead of <paramref name="full"/> under <c>--quick</c>.</param>
internal sealed class SearchRow(string key, string name, ExperimentRowKind kind, string search, string full = "", string quick = "")
    : IExperimentRow
{
    private const string StartFile = "start.json";

    private static readonly JsonDocumentKind Manifest =
        new("a finished run's manifest", MaxBytes: 64 << 20, MaxDepth: 32, "delete the run's folder to repeat it");

    public string Key => key;

    public string Name => name;

    public ExperimentRowKind Kind => kind;

    public bool IsSeeded { get; init; } = true;

    /// <summary>The row that finds the best single adapter, so that this one need not.</summary>
    public string? Uses { get; init; }

    /// <summary>The search begins with the recipe of the row that it uses, and is charged for finding that, too.</summary>
    public bool StartsAtUsed { get; init; }

    public bool FollowsUsed => StartsAtUsed;

    /// <summary>The result ships as the product ships it (fallback), and the run finds the best single adapters by loss and by metric for
    /// the rows after it.</summary>
    public bool IsProduct { get; init; }

    public string? Note { get; init; }

    /// <summary>Rows of a case that ask the same find each other's answers, such as every adapter alone; what is counted and comes out
    /// is as without.</summary>
    public bool SharesAnswers { get; init; }

    public string Settings(bool quickly) => $"{search}\n{(quickly ? quick : full)}\n{Rules}";

    /// <summary>Defaults of the product's own included.</summary>
    public string Decided(bool quickly)
    {
        var text = $"model: m\npool: {{ path: p }}\nvalidation: v\nout: o\n{Settings(quickly)}";
        return $"{Settings(quickly)}\n{RunIdentity.SearchJson(RunConfiguration.Parse(text, "run.yaml").Search).ToJsonString()}";
    }

    private string Rules => IsProduct ? $"metric: {Experiment.Metric}"
        : StartsAtUsed ? $"fallback: none\nstart: {StartFile}"
        : "fallback: none";

    public async Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        Directory.CreateDirectory(context.Folder);
        if (!File.Exists(Path.Combine(context.Folder, RunWriter.ManifestFileName)))
        {
            var file = Path.Combine(context.Folder, "run.yaml");
            if (StartsAtUsed) RecipeJson.Write(Path.Combine(context.Folder, StartFile), context.Used!.Recipe!);
            var text = RunFile(context);
            AtomicFile.WriteAllBytes(file, System.Text.Encoding.UTF8.GetBytes(text));
            var configuration = RunConfiguration.Parse(text, file);
            var plan = RunPlanner.Plan(configuration, resume: true)[0];
            var session = await context.Session.OpenAsync(plan, cancellationToken);
            var executor = new RunExecutor(session, context.Lab.Time, new Progress(context.Lab.Output));
            await executor.ExecuteAsync(plan, Known(context, configuration), null, cancellationToken);
        }

        var outcome = Read(context);
        return StartsAtUsed
            ? outcome with { Queries = outcome.Queries + context.Used!.Queries, Tokens = outcome.Tokens + context.Used.Tokens }
            : outcome;
    }

    internal string RunFile(RowContext context) =>
        RunFile(context, name, context.Case.WriteValidation(context.Lab), Settings(context.Quick) + (SharesAnswers
            ? $"\ncache: {JsonSerializer.Serialize(Path.Combine(context.Case.Folder(context.Lab), "answers"))}"
            : ""));

    /// <summary>A run on the case's pool, written beside what it makes.</summary>
    /// <param name="keys">Further keys of the file.</param>
    internal static string RunFile(RowContext context, string title, string validation, string keys)
    {
        var exclude = context.Lab.AdapterNames.Except(context.Case.Adapters, StringComparer.Ordinal);
        return $$"""
            # {{title}}
            model: {{JsonSerializer.Serialize(context.Lab.BaseFolder)}}
            pool: { path: {{JsonSerializer.Serialize(context.Lab.AdaptersFolder)}}, exclude: [{{string.Join(", ", exclude)}}] }
            validation: {{JsonSerializer.Serialize(validation)}}
            seed: {{context.Seed}}
            output: { rank: 8 } # the tables measure the recipe, not this adapter
            out: .
            {{keys}}

            """;
    }

    /// <summary>The best single adapter is asked for once a case and seed, and no published method is charged for it.</summary>
    private static RunVerdict? Known(RowContext context, RunConfiguration configuration)
    {
        var singles = context.Used?.Singles;
        var known = configuration.Objective.Name switch
        {
            "cross-entropy" => singles?.ByObjective,
            Experiment.Metric => singles?.ByMetric,
            _ => null,
        };
        return known is null ? null : new RunVerdict(false, known, null, default, 0, null, "");
    }

    private RowOutcome Read(RowContext context)
    {
        using var manifest = JsonFile.Read(Path.Combine(context.Folder, RunWriter.ManifestFileName), Manifest);
        var root = manifest.Root;
        var recipe = RecipeJson.Read(Path.Combine(context.Folder, RunWriter.RecipeFileName));
        var result = root["result"];
        var single = Single(result["best_single"]);
        var chosen = result["winner"].Text() == "best-single" ? $"{name} (took {single.Name})" : name;
        return RowOutcome.Of(chosen, root["queries"].Long(0), root["tokens"].Long(0), context.Lab, recipe) with
        {
            Singles = IsProduct ? Singles(result, single, context.Folder) : null,
        };
    }

    private static BestSingles Singles(JsonField result, SingleAdapter single, string folder)
    {
        List<EvaluationLine> lines =
            [.. EvaluationLog.Read(Path.Combine(folder, EvaluationLog.FileName)).Where(line => line.Purpose == EvaluationPurpose.Single)];
        var (byObjective, both) = (CostOf(lines.Where(line => line.Stage == lines[0].Stage)), CostOf(lines));
        if (result.Find("best_single_by_metric") is not { } field) return new BestSingles(single, null, single, byObjective, both);
        var byMetric = Single(field);
        var value = 1 - byMetric.Loss;

        // The metric of the two is known as the higher one: where that is not byMetric's, or is nothing, the lower loss decides.
        var better = result["validation_metric"]["single"].Number() > value + 1e-12 || value == 0 ? single : byMetric;
        return new BestSingles(single, byMetric, better, byObjective, both);
    }

    private static SingleAdapter Single(JsonField field) =>
        new(field["name"].Text(), field["loss"].Number(), field["queries"].Long(0));

    private static QueryCost CostOf(IEnumerable<EvaluationLine> lines) =>
        new(lines.Sum(line => (long)line.Queries), lines.Sum(line => line.Tokens));

    private sealed class Progress(TextWriter output) : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            if (value is StageFinished stage)
                output.WriteLine($"    {stage.Stage}: loss {stage.StartLoss:F4} -> {stage.Loss:F4} ({stage.StopReason})");
            if (value is RunWarning warning) output.WriteLine($"    {warning.Stage}: {warning.Message}");
        }
    }
}
