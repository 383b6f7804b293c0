namespace Cuvee.Metrics;

/// <summary>
/// Micro-averaged F1 of information extraction. An answer is a set of items separated by ";": "type: span", "relation: head, tail", or
/// plain spans and pairs in the tasks that ask for no labels; "none" is the empty set. Items are compared lower-cased with white space
/// collapsed. Where every expected item of the data set carries a label, a piece of an answer without one is no item, so an answer that is
/// not of the form is the empty set: it lowers recall, not precision. Where no record of the data set expects an item and no answer gives
/// one, all are right: each counts as one item that was found.
/// </summary>
public sealed class IeF1Metric : IMetric
{
    private const string None = "none";

    private static readonly MetricCounts Right = new(1, 1, 1);

    private readonly Expected? whole; // null: what is counted is the whole data set

    public IeF1Metric()
    {
    }

    private IeF1Metric(Expected whole) => this.whole = whole;

    public string Name => "ie-f1";

    public bool HasPrecisionAndRecall => true;

    public IMetric For(IReadOnlyList<string> expected)
    {
        ArgumentNullException.ThrowIfNull(expected);
        return new IeF1Metric(Expected.Of([.. expected.Select(Items)]));
    }

    public IReadOnlyList<MetricCounts> Count(IReadOnlyList<string> expected, IReadOnlyList<string> answers)
    {
        if (expected.Count != answers.Count)
            throw new ArgumentException(
                $"{answers.Count} answers for {expected.Count} records; give one answer a record.",
                nameof(answers));

        var gold = expected.Select(Items).ToArray();
        var all = whole ?? Expected.Of(gold);
        var counts = new MetricCounts[gold.Length];
        for (var i = 0; i < gold.Length; i++)
        {
            var answer = Items(answers[i]);
            if (all.AreLabelled) answer.RemoveWhere(item => !HasLabel(item));
            counts[i] = new MetricCounts(gold[i].Count(answer.Contains), answer.Count, gold[i].Count);
        }

        return all.IsNothing && Array.TrueForAll(counts, count => count == default) ? Array.ConvertAll(counts, _ => Right) : counts;
    }

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

    /// <summary>Of a whole data set.</summary>
    private sealed record Expected(bool AreLabelled, bool IsNothing)
    {
        public static Expected Of(IReadOnlyList<HashSet<string>> gold) =>
            new(gold.All(items => items.All(HasLabel)), gold.All(items => items.Count == 0));
    }
}
