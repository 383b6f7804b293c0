namespace Cuvee.Metrics;

/// <summary>Compares answers with expected answers. Pure and thread-safe.</summary>
public interface IMetric
{
    /// <summary>As on the command line, such as "ie-f1".</summary>
    string Name { get; }

    /// <summary>True where precision and recall mean something; false where a record is simply worth a number.</summary>
    bool HasPrecisionAndRecall { get; }

    /// <summary>The metric on parts of a data set, where something about the whole decides what an answer is worth.</summary>
    /// <param name="expected">All completions of the data set.</param>
    IMetric For(IReadOnlyList<string> expected) => this;

    /// <param name="expected">Completions of the data set, or of a part of it.</param>
    /// <param name="answers">The model's, in the same order and number.</param>
    /// <returns>One entry per record, in order; <see cref="MetricScore.Of"/> sums them up.</returns>
    IReadOnlyList<MetricCounts> Count(IReadOnlyList<string> expected, IReadOnlyList<string> answers);
}
