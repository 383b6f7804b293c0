using System.Text;
using System.Text.Json;
using Cuvee.Configuration;
using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.Lab.Reproduction;
using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Merging.Checkpoints;
using Cuvee.Metrics;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Lab.Evolution;

/// <summary>
/// The headline of arXiv 2403.13187 with parents of our own: a skill that no parent has, by merging them. Every row is a run of the product
/// on the target's validation records, measured on the test records of every skill.
/// </summary>
internal sealed class EvolutionExperiment(ParentsFolder parents, string runs, bool quick, TimeProvider time, TextWriter log)
{
    public const string Name = "evolutionary";

    public static IReadOnlyList<ulong> Seeds { get; } = [1, 2, 3];

    public static IReadOnlyList<ulong> QuickSeeds { get; } = [1];

    // Models and records that decide every number; built again with others, they have folders of their own.
    private readonly string measured = Path.Combine(
        runs, Name, $"{(quick ? "quick" : "full")}-{ZooFingerprint.Of([.. FilesOf(parents).Select(ZooFingerprint.OfFile)])[..12]}");

    /// <exception cref="BadInputException">A file of an earlier run is damaged.</exception>
    public async Task<EvolutionResults> RunAsync(IReadOnlyList<ulong> seeds, CancellationToken cancellationToken)
    {
        using var model = EmbeddedModel.Load(parents.FolderOf(ParentsFolder.Base));
        using var pool = CheckpointPool.Open(parents.FolderOf(ParentsFolder.Base), ParentsFolder.Parents.Select(parents.FolderOf));
        await using var host = new CheckpointHost(model, pool, folder => ModelFolder.Open(folder).ReadTensors());
        var references = new List<EvolutionReference>();
        foreach (var name in (string[])[ParentsFolder.Base, .. ParentsFolder.Parents, .. ParentsFolder.Bounds])
            references.Add(await ReferenceAsync(name, cancellationToken).ConfigureAwait(false));

        var results = new List<EvolutionRunResult>();
        foreach (var row in EvolutionRow.All)
        {
            foreach (var seed in row.Search is null ? [seeds[0]] : seeds)
            {
                var settings = ZooFingerprint.Of(row.Search ?? "", quick ? row.Quick : row.Budget)[..8];
                var folder = Path.Combine(measured, $"{row.Key}-{settings}", $"seed-{seed}");
                results.Add(await RunAsync(row, seed, folder, host, cancellationToken).ConfigureAwait(false));
            }
        }

        return EvolutionResults.Of(
            quick, ParentsFolder.Target, parents.Records(ParentsFolder.Target, Split.Validation).Count, references, results,
            key => EvolutionRow.All.Single(row => row.Key == key).Name);
    }

    private async Task<EvolutionReference> ReferenceAsync(string name, CancellationToken cancellationToken)
    {
        var file = Path.Combine(measured, "references", $"{name}.json");
        if (Finished<EvolutionReference>(file) is { } earlier) return earlier;
        using var model = EmbeddedModel.Load(parents.FolderOf(name));
        var reference = new EvolutionReference(
            name, ParentsFolder.Parents.Contains(name), await MeasureAsync(model, cancellationToken).ConfigureAwait(false));
        ResultsJson.Write(file, reference);
        return reference;
    }

    private async Task<EvolutionRunResult> RunAsync(
        EvolutionRow row, ulong seed, string folder, CheckpointHost host, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, "measured.json");
        if (Finished<EvolutionRunResult>(file) is { } earlier) return earlier;
        MergeRecipe recipe;
        var (queries, seconds) = (0L, 0.0);
        if (row.Search is null)
        {
            var weight = row.Weight!(ParentsFolder.Parents.Count);
            recipe = new WeightedRecipe(MergeSpace.Delta, [.. ParentsFolder.Parents.Select(parent => new AdapterShare(parent, weight))]);
        }
        else
        {
            var result = await SearchAsync(row, seed, folder, cancellationToken).ConfigureAwait(false);
            (recipe, queries, seconds) = (result.Recipe, result.Spending.Queries, result.WallTime.TotalSeconds);
        }

        await using var lease = await host.RealizeAsync(recipe, cancellationToken).ConfigureAwait(false);
        var outcome = new EvolutionRunResult(
            row.Key, seed, queries, Math.Round(seconds, 1), await MeasureAsync(lease.Model, cancellationToken).ConfigureAwait(false));
        ResultsJson.Write(file, outcome);
        var target = outcome.Skills.Single(skill => skill.Skill == ParentsFolder.Target);
        await log.WriteLineAsync(
            $"{row.Name}, seed {seed}: {target.Share:P1} exact on {ParentsFolder.Target}, loss {target.Loss:0.000}, " +
            $"{queries:N0} queries, {seconds:0} s").ConfigureAwait(false);
        return outcome;
    }

    private async Task<RunResult> SearchAsync(EvolutionRow row, ulong seed, string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        var run = Path.Combine(folder, "run.yaml");
        var others = Directory.GetDirectories(parents.Folder).Select(path => Path.GetFileName(path)!)
            .Where(name => name != ParentsFolder.Base && !name.StartsWith('.') && !ParentsFolder.Parents.Contains(name));
        var text = $$"""
            # {{row.Name}}
            model: { provider: checkpoints, path: {{JsonSerializer.Serialize(parents.FolderOf(ParentsFolder.Base))}} }
            pool: { path: {{JsonSerializer.Serialize(parents.Folder)}}, exclude: [{{string.Join(", ", others)}}] }
            validation: {{JsonSerializer.Serialize(parents.FileOf(ParentsFolder.Target, Split.Validation))}}
            seed: {{seed}}
            fallback: none
            out: out
            {{row.Search}}
            {{(quick ? row.Quick : row.Budget)}}

            """;
        AtomicFile.WriteAllBytes(run, Encoding.UTF8.GetBytes(text));
        var plans = RunPlanner.Plan(RunConfiguration.Parse(text, run), resume: true);
        return (await new MergeRun(time, new Progress<RunEvent>()).ExecuteAsync(plans, cancellationToken).ConfigureAwait(false)).Results[0];
    }

    private async Task<IReadOnlyList<SkillMeasurement>> MeasureAsync(ILanguageModel model, CancellationToken cancellationToken)
    {
        var skills = new List<SkillMeasurement>();
        foreach (var skill in ParentsFolder.Skills)
        {
            var measured = await TestMeasurement.OfAsync(
                model, new ExactMatchMetric(), parents.Records(skill, Split.Test),
                new GenerationOptions { MaxTokens = ParentsFolder.MaxAnswerTokens }, cancellationToken).ConfigureAwait(false);
            skills.Add(new SkillMeasurement(
                skill, string.Concat(measured.Counts.Select(count => count.Matched == 1 ? '1' : '0')), Math.Round(measured.Loss, 4)));
        }

        return skills;
    }

    private static IEnumerable<string> FilesOf(ParentsFolder parents) =>
    [
        .. ((string[])[ParentsFolder.Base, .. ParentsFolder.Parents, .. ParentsFolder.Bounds]).Select(
            name => Path.Combine(parents.FolderOf(name), "model.safetensors")),
        parents.FileOf(ParentsFolder.Target, Split.Validation),
        .. ParentsFolder.Skills.Select(skill => parents.FileOf(skill, Split.Test)),
    ];

    private static T? Finished<T>(string file)
        where T : class => !File.Exists(file) ? null : ResultsJson.TryParse<T>(File.ReadAllBytes(file)) ?? throw new BadInputException(
            $"{file}: not a finished measurement; delete it to measure again.");
}
