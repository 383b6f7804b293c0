using Cuvee.Metrics;

namespace Cuvee.Configuration;

/// <summary>What the comparison table holds beside the main search and the controls.</summary>
public sealed record ComparisonSettings
{
    /// <summary>Searches run after the main one, each with its own budget and its own sub-folder of <c>out</c>.</summary>
    public required IReadOnlyList<SearchSettings> Searches { get; init; }

    /// <summary>Draws of the random-weights control; its row is their mean.</summary>
    public required int RandomDraws { get; init; }

    /// <summary>Test metric, such as <c>ie-f1</c>.</summary>
    public required string Metric { get; init; }

    /// <summary>Longest generated answer in tokens.</summary>
    public required int MaxTokens { get; init; }

    internal static ComparisonSettings Read(YamlMapping mapping)
    {
        var settings = new ComparisonSettings
        {
            Searches = [.. (mapping.Mappings("searches") ?? []).Select(entry =>
            {
                var search = SearchSettingsReader.Read(entry);
                entry.ThrowIfUnknownKeys();
                return search;
            })],
            RandomDraws = mapping.Integer("random_draws", 1, 100) ?? 3,
            Metric = ReadMetric(mapping),
            MaxTokens = mapping.Integer("max_tokens", 1, 4096) ?? 96,
        };
        mapping.ThrowIfUnknownKeys();
        return settings;
    }

    private static string ReadMetric(YamlMapping mapping)
    {
        var name = mapping.Text("metric") ?? "ie-f1";
        return MetricCatalog.Names.Contains(name)
            ? name
            : throw mapping.Error("metric", $"there is no metric '{name}'; choose {string.Join(", ", MetricCatalog.Names)}.");
    }
}
