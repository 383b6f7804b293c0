using Cuvee.Metrics;
using Cuvee.Searches;

namespace Cuvee.Configuration;

/// <summary>What the comparison table holds beside the main search and the controls.</summary>
public sealed record ComparisonSettings
{
    /// <summary>Searches run after the main one, each with its own budget and its own sub-folder of <c>out</c>.</summary>
    public required IReadOnlyList<SearchSettings> Searches { get; init; }

    /// <summary>Draws of the random-weights control; its row is their mean.</summary>
    public required int RandomDraws { get; init; }

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
            Metric = mapping.Choice("metric", catalog.Metrics, metric => metric.Name) ?? catalog.Metrics[0],
        };
        maxTokens = mapping.Integer("max_tokens", 1, 4096);
        mapping.ThrowIfUnknownKeys();
        return settings;
    }
}
