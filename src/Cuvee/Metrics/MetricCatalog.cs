namespace Cuvee.Metrics;

/// <summary>The metrics by name.</summary>
public static class MetricCatalog
{
    public static IReadOnlyList<IMetric> All { get; } =
        [new IeF1Metric(), new ExactMatchMetric(), new AccuracyMetric(), new RougeLMetric()];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(m => m.Name)];

    /// <exception cref="ArgumentException">No metric has this name; the message lists the names.</exception>
    public static IMetric Get(string name) =>
        All.FirstOrDefault(m => m.Name == name)
        ?? throw new ArgumentException($"There is no metric \"{name}\"; choose one of {string.Join(", ", Names)}.", nameof(name));
}
