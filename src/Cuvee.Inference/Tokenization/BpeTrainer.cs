using System.Runtime.InteropServices;
using System.Text;
using Cuvee.Inference.Tokenization.Bpe;
using Cuvee.Inference.Tokenization.Json;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization;

/// <summary>
/// Learns a byte-level BPE vocabulary (arXiv 1508.07909): the most frequent adjacent pair is merged, again and again. Same multiset of
/// texts, same bytes: ties go to the pair with the smaller (left id, right id).
/// </summary>
/// <remarks>
/// Digits are one token each, with an optional leading space: 4096 entries are too few to learn the numbers of English text, where merged
/// digits would cut "1987" and "1998" into unlike parts and make copying a number a different task for each; 20 tokens spell them all.
/// Letters, other symbols and white space are cut as by GPT-2.
/// </remarks>
public static class BpeTrainer
{
    /// <summary>Id 0, put before every text by the post-processor.</summary>
    public const string BeginOfText = "<|begin_of_text|>";

    /// <summary>Id 1.</summary>
    public const string EndOfText = "<|end_of_text|>";

    /// <summary>Id 2.</summary>
    public const string Padding = "<|pad|>";

    // A pair seen once is a coincidence of the sample.
    private const long MinimumFrequency = 2;

    internal static readonly string[] SpecialTokens = [BeginOfText, EndOfText, Padding];

    internal static int BaseSize => SpecialTokens.Length + 256;

    /// <param name="texts">Read once; special-token spellings in them count as plain text.</param>
    /// <param name="vocabSize">
    /// Special tokens, 256 bytes and merges together: at least 259. The result is smaller when no pair is left that occurs twice.
    /// </param>
    public static Tokenizer Train(IEnumerable<string> texts, int vocabSize)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabSize, BaseSize);
        var words = new BpeTrainingWords(CountPieces(texts));
        var tokens = new List<string>(SpecialTokens); // [id] spelling
        for (var value = 0; value < 256; value++)
            tokens.Add(ByteLevelAlphabet.ToCharacter((byte)value).ToString());
        var ids = tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id, StringComparer.Ordinal);
        var merges = new List<(string Left, string Right)>(vocabSize - BaseSize);
        while (tokens.Count < vocabSize && words.MostFrequentPair(MinimumFrequency) is { } pair)
        {
            var (left, right) = (tokens[pair.Left], tokens[pair.Right]);
            merges.Add((left, right));
            if (!ids.TryGetValue(left + right, out var merged)) // two ways to the same spelling share its id
            {
                merged = tokens.Count;
                ids.Add(left + right, merged);
                tokens.Add(left + right);
            }

            words.Merge(pair, merged);
        }

        return Tokenizer.Parse(TokenizerJsonWriter.Write(tokens, SpecialTokens.Length, merges), "the trained tokenizer");
    }

    /// <returns>The pieces as byte ids with their counts, in ordinal order of the pieces.</returns>
    private static List<(int[] Symbols, long Count)> CountPieces(IEnumerable<string> texts)
    {
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        var pattern = PatternMatcher.ForRegex(PretokenizationPattern.SingleDigitsText);
        var matches = new List<(int Start, int End)>();
        foreach (var rawText in texts)
        {
            var text = ScalarShadow.WellFormed(rawText);
            matches.Clear();
            pattern.FindAll(text, matches); // the pattern matches every character: nothing lies between the matches
            foreach (var (start, end) in matches)
                CollectionsMarshal.GetValueRefOrAddDefault(lookup, text.AsSpan(start, end - start), out _)++;
        }

        return [.. counts.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (Symbols(entry.Key), entry.Value))];
    }

    private static int[] Symbols(string piece) => [.. Encoding.UTF8.GetBytes(piece).Select(value => SpecialTokens.Length + value)];
}
