using System.Text.Json;
using System.Text.RegularExpressions;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Chat;
using Cuvee.Metrics;

namespace Cuvee.Cli;

/// <summary>A commented run file for one pool and its records: what <c>cuvee init</c> writes.</summary>
internal sealed partial record RunTemplate
{
    private const int SmallestBudget = 5000; // queries
    private const int MostLabels = 20;

    /// <summary>Where the run file will lie; paths in it start from this folder. Absolute, like every path here.</summary>
    public required string Folder { get; init; }

    public required string Model { get; init; }

    public required string Pool { get; init; }

    /// <summary>The pool holds whole models.</summary>
    public required bool WholeModels { get; init; }

    public required IReadOnlyList<string> Exclude { get; init; }

    public required string Validation { get; init; }

    public string? Test { get; init; }

    /// <summary>Of prompts; null: left to the records.</summary>
    public string? Template { get; init; }

    public required string Out { get; init; }

    public required string Search { get; init; }

    public required IMetric Metric { get; init; }

    /// <summary>The metric was guessed from the answers.</summary>
    public required bool MetricIsGuess { get; init; }

    public required int Queries { get; init; }

    /// <summary>Twice what finding the best single adapter costs is left to the search, at least.</summary>
    public static int BudgetFor(long screening) => (int)Math.Max(SmallestBudget, (3 * screening + 999) / 1000 * 1000);

    /// <summary>By the form of the answers: labelled items, few labels, short answers, or running text.</summary>
    public static IMetric MetricFor(IReadOnlyList<PromptCompletion> records)
    {
        var answers = records.Select(record => record.Completion.Trim()).ToList();
        var name = answers.TrueForAll(answer => answer is "none" || LabelledItems().IsMatch(answer)) ? "ie-f1"
            : answers.Distinct(StringComparer.Ordinal).Count() <= Math.Min(MostLabels, answers.Count / 2) ? "accuracy"
            : answers.Average(answer => answer.Split(' ').Length) <= 4 ? "exact-match"
            : "rouge-l";
        return MetricCatalog.Get(name);
    }

    public string ToYaml() => $$"""
        # Written by "cuvee init". Every key is explained in docs/run-yaml.md; paths start from this file's folder.
        model: {{(WholeModels ? $"{{ provider: checkpoints, path: {Path(Model)} }}" : Path(Model))}}
        pool:
          path: {{Path(Pool)}}
          {{(Exclude.Count > 0 ? $"exclude: [{string.Join(", ", Exclude.Select(Scalar))}]" : "# exclude: [NAME] # adapters to leave out")}}
        validation: {{Path(Validation)}} # the records that the search may ask
        {{(Test is { } test ? $"test: {Path(test)} # records for the table alone" : "# test: test.jsonl # for a table, see compare")}}
        {{TemplateKey}} # how prompts are written: {{ChatTemplates.Names}}; auto (the model's own) for records with messages
        # completion_end: auto # the token that closes completions; or none

        search: {{Search}} # {{string.Join(", ", Catalog.Default.AllSearches.Select(search => search.Name))}}
        {{Objective}}: {{string.Join(", ", MetricCatalog.Names)}}
        metric: {{Metric.Name}} # shown beside the loss{{(MetricIsGuess ? "; guessed from the answers, correct it if need be" : "")}}
        seed: 42
        budget:
          queries: {{Queries}} # records asked at most, those that find the best single adapter included
        # fallback: best-single # what ships when no candidate beats the best single adapter; or none
        {{(WholeModels
            ? "# output: { dtype: bf16 } # of the checkpoint"
            : "# output: { rank: 16, dtype: bf16, format: peft } # rank: the smallest that keeps the loss unless set; format: peft, folded")}}
        out: {{Path(Out)}}

        {{Comparison}}

        """;

    private string TemplateKey => Template is null ? "# template: none" : $"template: {Scalar(Template)}";

    private string Objective =>
        Catalog.Default.AllSearches.First(search => search.Name == Search).Needs.HasFlag(Searches.SearchNeeds.SeveralObjectives)
            ? $"objective: [cross-entropy, {Metric.Name}] # the first decides what ships; others are metrics of generated answers"
            : "# objective: cross-entropy # or a metric of generated answers";

    /// <summary>Commented out as a whole where there is nothing to measure on.</summary>
    private string Comparison => string.Join('\n', ((string[])
    [
        $"compare: # {(Test is null ? "needs test: " : "")}the result beside base model, average, best single adapter and random choices",
        $"  metric: {Metric.Name}",
        "  random_adapters: auto",
        "  # few_shot: 8 # solved examples in front of what the base model is asked; auto: as many as its context holds",
        "  # searches: # further rows, each with its own budget",
        $"  #   - {{ search: cma-es, budget: {{ queries: {Queries} }} }}",
    ]).Select(line => Test is null ? "# " + line : line));

    private string Path(string path) => Scalar(System.IO.Path.GetRelativePath(Folder, path).Replace('\\', '/'));

    /// <summary>Plain where YAML reads it as it stands, else quoted: JSON's strings are YAML's.</summary>
    private static string Scalar(string text) => Plain().IsMatch(text) ? text : JsonSerializer.Serialize(text);

    [GeneratedRegex(@"^(?!(null|true|false|yes|no|on|off)$)[A-Za-z_./][A-Za-z0-9_./-]*$", RegexOptions.IgnoreCase)]
    private static partial Regex Plain();

    [GeneratedRegex(@"^[^:;]+:[^:;]+(;[^:;]+:[^:;]+)*;?$", RegexOptions.None, 1000)]
    private static partial Regex LabelledItems();
}
