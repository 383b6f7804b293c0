using System.Text.Json;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.LanguageModels;
using Cuvee.Planning;

namespace Cuvee.Lab.Reproduction;

/// <summary>The base model, asked with as many of a test's own validation records in front as the context holds.</summary>
internal sealed class FewShotRow : IExperimentRow
{
    public string Key => "few-shot";

    public string Name => "base model, few-shot prompts";

    public ExperimentRowKind Kind => ExperimentRowKind.Control;

    public bool IsSeeded => true;

    public bool UsesPool => false;

    public string Settings(bool quick) => "few_shot: auto";

    public string Note => "Few-shot prompts hold as many examples as fit the context beside the longest record; where none fits, the row " +
        "is the base model. Their loss counts the token that closes an answer, which the examples do not show: compare them by the metric.";

    public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken)
    {
        var counts = new List<int>();
        var models = new Dictionary<string, RowModel>(StringComparer.Ordinal);
        foreach (var test in context.Case.Tests)
        {
            var prompts = Prompts(context, test);
            counts.Add(prompts?.Examples.Count ?? 0);
            models.Add(test.Target.Name, Model(context.Lab, test, prompts));
        }

        var examples = counts.Min() == counts.Max() ? $"{counts[0]}" : $"{counts.Min()} to {counts.Max()}";
        return Task.FromResult(new RowOutcome($"{Name} ({examples} examples)", 0, 0, test => [models[test.Target.Name]]));
    }

    private static FewShotPrompts? Prompts(RowContext context, ExperimentTest test)
    {
        Directory.CreateDirectory(context.Folder);
        string Written(string split, IReadOnlyList<PromptCompletion> records)
        {
            var path = Path.Combine(context.Folder, $"{test.Target.Name}-{split}-{RecordsFingerprint.Of(records)[..12]}.jsonl");
            if (!File.Exists(path)) RecordFile.Write(path, records);
            return path;
        }

        // Read for its model, pool and text rules; no search is run.
        var keys = $"search: fisher-probing\ntest: {JsonSerializer.Serialize(Written("test", test.Records))}\n" +
            $"compare: {{ metric: {Experiment.Metric}, few_shot: auto }}";
        var text = SearchRow.RunFile(context, "Few-shot prompts", Written("validation", test.Validation), keys);
        return FewShotPrompts.Fit(RunConfiguration.Parse(text, Path.Combine(context.Folder, "run.yaml")), TextRules.Plain);
    }

    /// <param name="prompts">Null: not one example fits, so the records stand alone.</param>
    private static RowModel Model(ExperimentLab lab, ExperimentTest test, FewShotPrompts? prompts)
    {
        if (prompts is null) return RowModel.Of(() => lab.Model);
        var asked = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (plain, withExamples) in test.Validation.Zip(prompts.Validation).Concat(test.Records.Zip(prompts.Test)))
            asked.TryAdd(plain.Prompt, withExamples.Prompt); // a validation record first: it is asked without itself
        return RowModel.Of(() => new AskedWithExamples(lab.Model, asked, prompts.Stop));
    }

    private sealed class AskedWithExamples(
        ILanguageModel model, IReadOnlyDictionary<string, string> prompts, IReadOnlyList<string> stop) : ILanguageModel
    {
        public LanguageModelCapabilities Capabilities => model.Capabilities;

        public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
            IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken) =>
            model.ScoreAsync([.. records.Select(record => record with { Prompt = prompts[record.Prompt] })], cancellationToken);

        public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
            IReadOnlyList<string> asked, GenerationOptions options, CancellationToken cancellationToken) =>
            model.GenerateAsync(
                [.. asked.Select(prompt => prompts[prompt])], options with { Stop = [.. options.Stop, .. stop] }, cancellationToken);
    }
}
