using System.Text;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Events;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Reporting;
using Cuvee.Searches;

namespace Cuvee.Lab.References;

/// <summary>
/// The comparison table on an exported real test set, for several seeds of the searches, with two upper references that a black-box search
/// cannot have: weights trained by gradient on the same validation records, and the target's own specialist.
/// </summary>
/// <param name="withPaperSettings">
/// Adds Evo-Merging with its authors' settings (1,200 candidates, here of 40 records each), which takes most of the time.
/// </param>
internal sealed class RealTest(
    string zooFolder, DataSetCatalog catalog, string workFolder, TimeProvider time, TextWriter output, bool withPaperSettings)
{
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
        var gradient = new GradientTrainedWeights(model, pool, RecordFile.Read(Path.Combine(folder, "validation.jsonl")))
            .Train(80, 0.03, (_, _) => { }, cancellationToken);
        RecipeJson.Write(Path.Combine(folder, "gradient.json"), gradient);

        var progress = new Progress(output);
        await using var host = new EmbeddedAdapterHost(model, pool);
        var executor = new RunExecutor(host, new RecipeMerger(pool), time, progress);
        await using var wholePool = new EmbeddedAdapterHost(model, AdapterPool.Load(adapters));
        var tables = new List<ComparisonTable>();
        var effects = new StringBuilder();
        foreach (var seed in seeds)
        {
            var configuration = RunConfiguration.Parse(RunFile(target, seed), Path.Combine(folder, $"run-{seed}.yaml"));
            var plans = RunPlanner.Plan(configuration, resume: true);
            var searches = new List<(string Title, RunResult Result)>();
            foreach (var plan in plans)
            {
                var result = await executor.ExecuteAsync(plan, cancellationToken);
                searches.Add((plan.Title, result));
                var start = MergeRecipes.Uniform(plan.Search.Space, plan.AdapterNames);
                effects.Append(
                    await StageEffects.DescribeAsync(host, plan.Title, start, result.Stages, plan.Test!, seed, cancellationToken));
            }

            searches.Add(("weights by gradient (white box)", Reference(gradient)));
            var own = new MergeRecipe(MergeSpace.Delta, [new AdapterShare(target.Exclude[0], 1)]);
            searches.Add(("the target's own specialist", Reference(own)));
            tables.Add(await new ComparisonBuilder(wholePool, progress).BuildAsync(plans[0], searches, cancellationToken));
        }

        return (tables, effects.ToString());
    }

    private static RunResult Reference(MergeRecipe recipe) => new("", recipe, double.NaN, double.NaN, default, [], [], default);

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
        budget: { queries: 6000 }
        out: seed-{{seed}}
        compare:
          metric: ie-f1
          random_draws: 3
          searches:
            - { search: evo-merging, preset: delta, budget: { queries: 20000 } }
            - { search: evo-merging, space: factors, budget: { queries: 20000 } }
            {{(withPaperSettings ? "- { search: evo-merging, preset: paper, settings: { sample: 40 } }" : "")}}
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
