using System.Text;

namespace Cuvee.Metrics;

/// <summary>
/// ROUGE-L (Lin 2004, sentence level) with precision and recall weighted equally: the F-measure of the longest common subsequence of words.
/// Words are runs of letters and digits, lower-cased, not stemmed. 0 where either side has no word.
/// </summary>
public sealed class RougeLMetric : RecordMetric
{
    public override string Name => "rouge-l";

    protected override double Score(string expected, string answer)
    {
        var reference = Words(expected);
        var candidate = Words(answer);
        if (reference.Count == 0 || candidate.Count == 0) return 0;
        return 2.0 * LongestCommonSubsequence(reference, candidate) / (reference.Count + candidate.Count);
    }

    private static int LongestCommonSubsequence(List<string> left, List<string> right)
    {
        var previous = new int[right.Count + 1]; // [right words + 1], lengths for the left words so far
        var current = new int[right.Count + 1];
        foreach (var word in left)
        {
            for (var j = 0; j < right.Count; j++)
                current[j + 1] = word == right[j] ? previous[j] + 1 : Math.Max(previous[j + 1], current[j]);
            (previous, current) = (current, previous);
        }

        return previous[right.Count];
    }

    private static List<string> Words(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune)) word.Append(Rune.ToLowerInvariant(rune));
            else Flush();
        }

        Flush();
        return words;

        void Flush()
        {
            if (word.Length == 0) return;
            words.Add(word.ToString());
            word.Clear();
        }
    }
}
