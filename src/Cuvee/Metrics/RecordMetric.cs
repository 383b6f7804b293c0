namespace Cuvee.Metrics;

/// <summary>A metric that gives each record one number in [0, 1] by itself; its value over a data set is the mean.</summary>
public abstract class RecordMetric : IMetric
{
    public abstract string Name { get; }

    public bool HasPrecisionAndRecall => false;

    public IReadOnlyList<MetricCounts> Count(IReadOnlyList<string> expected, IReadOnlyList<string> answers)
    {
        if (expected.Count != answers.Count)
            throw new ArgumentException(
                $"{answers.Count} answers for {expected.Count} records; give one answer a record.",
                nameof(answers));
        return [.. expected.Zip(answers, (e, a) => new MetricCounts(Score(e, a), 1, 1))];
    }

    /// <returns>In [0, 1].</returns>
    protected abstract double Score(string expected, string answer);
}
