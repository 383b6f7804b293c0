using Cuvee.Metrics;
using Cuvee.Searches;

namespace Cuvee.Configuration;

/// <summary>What the comparison table holds beside the main search and the controls.</summary>
public sealed record ComparisonSettings
{
    /// <summary>Searches run after the main one, each with its own budget and its own sub-folder of <c>out</c>.</summary>
    public required IReadOnlyList<SearchSettings> Searches { get; init; }

    /// <summary>Of <see cref="RandomAdapters"/> and <see cref="FewShot"/>: decided by the result, by the context.</summary>
    public const int Auto = 0;

    /// <summary>Draws of the random-weights control and of the random-adapters one; a row is the mean of its draws.</summary>
    public required int RandomDraws { get; init; }

    /// <summary>Adapters in a draw of the random-adapters control; null: no such row.</summary>
    public int? RandomAdapters { get; init; }

    /// <summary>Validation records in the prompt of the few-shot control, at most; null: no such row.</summary>
    public int? FewShot { get; init; }

    /// <summary>Test metric, such as <c>ie-f1</c>.</summary>
    public required IMetric Metric { get; init; }

    internal static ComparisonSettings Read(YamlMapping mapping, Catalog catalog, out int? maxTokens)
    {
        var settings = new ComparisonSettings
        {
            Searches = [.. (mapping.Mappings("searches") ?? []).Select(entry =>
            {
                var search = SearchSettingsReader.Read(entry, catalog);
                entry.ThrowIfUnknownKeys();
                return search;
            })],
            RandomDraws = mapping.Integer("random_draws", 1, 100) ?? 3,
            RandomAdapters = mapping.IntegerOrAuto("random_adapters", 100_000),
            FewShot = mapping.IntegerOrAuto("few_shot", 100_000),
            Metric = mapping.Choice("metric", catalog.Metrics, metric => metric.Name) ?? catalog.Metrics[0],
        };
        maxTokens = mapping.Integer("max_tokens", 1, 4096);
        mapping.ThrowIfUnknownKeys();
        return settings;
    }
}
