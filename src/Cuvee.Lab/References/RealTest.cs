using System.Text;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Events;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Planning;
using Cuvee.Reporting;
using Cuvee.Runs;
using Cuvee.Searches;

namespace Cuvee.Lab.References;

/// <summary>
/// The comparison table on an exported real test set, for several seeds of the searches, with three references that a black-box search
/// cannot have: weights trained by gradient and a LoRA trained on the same validation records, and the target's own specialist.
/// </summary>
/// <param name="withPaperSettings">
/// Adds Evo-Merging with its authors' settings (1,200 candidates on all records), with and without its first stage.
/// </param>
/// <param name="budgets">Queries of the main search and of each other one.</param>
internal sealed class RealTest(
    string zooFolder, DataSetCatalog catalog, string workFolder, TimeProvider time, TextWriter output, bool withPaperSettings,
    (int Main, int Others) budgets)
{
    /// <summary>Of the published tables.</summary>
    public static (int Main, int Others) PublishedBudgets => (6000, 20000);

    /// <summary>One table a seed, and what each stage of the searches did; finished searches are taken from their folders.</summary>
    public async Task<(IReadOnlyList<ComparisonTable> Tables, string StageEffects)> RunAsync(
        RealTestTarget target, IReadOnlyList<ulong> seeds, int validationRecords, int testRecords, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(workFolder, target.Name);
        Directory.CreateDirectory(folder);
        Export(target, Split.Validation, validationRecords, Path.Combine(folder, "validation.jsonl"));
        Export(target, Split.Test, testRecords, Path.Combine(folder, "test.jsonl"));

        using var model = EmbeddedModel.Load(Path.Combine(zooFolder, "base"));
        var adapters = Path.Combine(zooFolder, "adapters");
        var pool = AdapterPool.Load(adapters, target.Exclude);
        using var team = new ThreadTeam();
        var validation = RecordFile.Read(Path.Combine(folder, "validation.jsonl"));
        var gradient = new GradientTrainedWeights(model, pool, validation, team).Train(80, 0.03, (_, _) => { }, cancellationToken);
        RecipeJson.Write(Path.Combine(folder, "gradient.json"), gradient);

        var progress = new Progress(output);
        var whole = AdapterPool.Load(adapters);
        var trainer = new ValidationTrainedLora(model, validation, team, time);
        var tables = new List<ComparisonTable>();
        var effects = new StringBuilder();
        foreach (var seed in seeds)
        {
            var configuration = RunConfiguration.Parse(RunFile(target, seed), Path.Combine(folder, $"run-{seed}.yaml"));
            var plans = RunPlanner.Plan(configuration, resume: true);
            await using var session = await configuration.Provider.OpenAsync(plans[0].Text, cancellationToken);
            var executor = new RunExecutor(session, time, progress);
            var searches = new List<(string Title, RunResult Result)>();
            foreach (var plan in plans)
            {
                var known = searches.Count == 0 ? null : searches[0].Result.Verdict;
                var result = await executor.ExecuteAsync(plan, known, null, cancellationToken);
                searches.Add((plan.Title, result));
                effects.Append(await StageEffects.DescribeAsync(
                    session.Host, plan.Title, plan.Program.StartGiven(result.Verdict.Single.Name), result.Stages, plan.Test!, seed,
                    cancellationToken));
            }

            var lora = TrainLora(trainer, whole, Path.Combine(folder, $"lora-{seed}"), seed, cancellationToken);
            searches.Add(("weights by gradient (white box)", Reference(searches[0].Result, gradient)));
            searches.Add((
                "LoRA trained on the validation records (white box)",
                Reference(searches[0].Result, MergeRecipes.Single(MergeSpace.Delta, lora.Name))));
            searches.Add((
                "the target's own specialist", Reference(searches[0].Result, MergeRecipes.Single(MergeSpace.Delta, target.Exclude[0]))));
            await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(new AdapterPool([.. whole.Adapters, lora])));
            var (table, _) = await new ComparisonBuilder(host, time, progress).BuildAsync(plans[0], searches, cancellationToken);
            table.Write(plans[0].Out);
            tables.Add(table);
        }

        return (tables, effects.ToString());
    }

    /// <summary>Written and read back: it is measured as any adapter of the pool is.</summary>
    private PeftAdapter TrainLora(
        ValidationTrainedLora trainer, AdapterPool pool, string folder, ulong seed, CancellationToken cancellationToken)
    {
        var trained = trainer.Train(
            Path.GetFileName(folder), pool.Adapters[0].Config.BaseModelNameOrPath ?? "", seed, ValidationTrainedLora.LearningRates,
            (_, _, _) => { }, cancellationToken);
        PeftWriter.Write(folder, trained.Adapter, TensorType.BF16);
        output.WriteLine($"{folder}: {trained.Epochs} epochs at learning rate {trained.LearningRate}, held-out {trained.HeldOutLoss:F4}");
        return PeftReader.Read(folder);
    }

    private static RunResult Reference(RunResult main, MergeRecipe recipe) => main with { Recipe = recipe, Spending = default };

    private void Export(RealTestTarget target, Split split, int limit, string path) =>
        RecordFile.Write(path, TaskBuilder.Build(catalog[target.DataSet], target.Task, split, limit).Records);

    private string RunFile(RealTestTarget target, ulong seed) =>
        $$"""
        model: {{Path.GetFullPath(Path.Combine(zooFolder, "base"))}}
        pool:
          path: {{Path.GetFullPath(Path.Combine(zooFolder, "adapters"))}}
          exclude: [{{string.Join(", ", target.Exclude)}}]
        validation: validation.jsonl
        test: test.jsonl
        search: fisher-probing
        space: delta
        seed: {{seed}}
        budget: { queries: {{budgets.Main}} }
        out: seed-{{seed}}
        compare:
          metric: ie-f1
          random_draws: 3
          random_adapters: auto
          few_shot: auto
          searches:
            - { search: evo-merging, preset: delta, budget: { queries: {{budgets.Others}} } }
            - { search: evo-merging, space: factors, budget: { queries: {{budgets.Others}} } }
            - { search: cma-es, budget: { queries: {{budgets.Others}} } }
            {{(withPaperSettings ? "- { search: evo-merging, preset: paper }" : "")}}
            {{(withPaperSettings ? "- { search: evo-merging, preset: paper, settings: { stages: [weights] } }" : "")}}
        """;

    private sealed class Progress(TextWriter output) : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            if (value is StageFinished stage)
                output.WriteLine($"{stage.Stage}: loss {stage.StartLoss:F4} -> {stage.Loss:F4} ({stage.StopReason})");
            if (value is RunFinished run) output.WriteLine($"{run.Out}: {run.Spending.Queries} queries, {run.WallTime.TotalSeconds:F0} s");
        }
    }
}
