namespace Cuvee.Metrics;

/// <summary>
/// Micro-averaged F1 of information extraction. An answer is a set of items separated by ";": "type: span", "relation: head, tail", or
/// plain spans and pairs in the tasks that ask for no labels; "none" is the empty set. Items are compared lower-cased with white space
/// collapsed. Where every expected item of the data set carries a label, a piece of an answer without one is no item, so an answer that is
/// not of the form is the empty set: it lowers recall, not precision.
/// </summary>
public sealed class IeF1Metric : IMetric
{
    private const string None = "none";

    private readonly bool? labelled; // of the whole data set; null: what is counted is the whole

    public IeF1Metric()
    {
    }

    private IeF1Metric(bool labelled) => this.labelled = labelled;

    public string Name => "ie-f1";

    public bool HasPrecisionAndRecall => true;

    public IMetric For(IReadOnlyList<string> expected)
    {
        ArgumentNullException.ThrowIfNull(expected);
        return new IeF1Metric(AreLabelled(expected.Select(Items)));
    }

    public IReadOnlyList<MetricCounts> Count(IReadOnlyList<string> expected, IReadOnlyList<string> answers)
    {
        if (expected.Count != answers.Count)
            throw new ArgumentException(
                $"{answers.Count} answers for {expected.Count} records; give one answer a record.",
                nameof(answers));

        var gold = expected.Select(Items).ToArray();
        var labels = labelled ?? AreLabelled(gold);
        var counts = new MetricCounts[gold.Length];
        for (var i = 0; i < gold.Length; i++)
        {
            var answer = Items(answers[i]);
            if (labels) answer.RemoveWhere(item => !HasLabel(item));
            counts[i] = new MetricCounts(gold[i].Count(answer.Contains), answer.Count, gold[i].Count);
        }

        return counts;
    }

    private static bool AreLabelled(IEnumerable<HashSet<string>> gold) => gold.All(items => items.All(HasLabel));

    private static HashSet<string> Items(string text)
    {
        var items = new HashSet<string>(StringComparer.Ordinal);
        foreach (var piece in text.Split(';'))
        {
            var item = AnswerText.Normalize(piece);
            if (item.Length > 0) items.Add(item);
        }

        if (items.Count == 1) items.Remove(None);
        return items;
    }

    /// <summary>Something before the first colon and something after it.</summary>
    private static bool HasLabel(string item) => item.IndexOf(':') is > 0 and var colon && colon < item.Length - 1;
}
