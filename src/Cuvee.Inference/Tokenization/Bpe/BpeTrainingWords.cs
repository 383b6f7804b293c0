using System.Runtime.InteropServices;

namespace Cuvee.Inference.Tokenization.Bpe;

/// <summary>
/// The distinct pieces of a training text under the merges made so far, with pair counts that each merge updates only where it applies.
/// </summary>
internal sealed class BpeTrainingWords
{
    private readonly List<(int[] Symbols, long Count)> _words;
    private readonly int[] _lengths;                              // [words] symbols left of each word
    private readonly Dictionary<long, long> _counts = [];         // pair key -> occurrences, weighted by the words' counts
    private readonly Dictionary<long, HashSet<int>> _places = []; // pair key -> words that may hold the pair

    // Largest count first, then smallest (left id, right id). An entry is stale when its count is no longer the pair's.
    private readonly PriorityQueue<long, (long Count, long Pair)> _queue =
        new(Comparer<(long Count, long Pair)>.Create((a, b) => a.Count != b.Count ? b.Count.CompareTo(a.Count) : a.Pair.CompareTo(b.Pair)));

    private readonly HashSet<long> _touched = [];

    /// <param name="words">Owned and changed from now on.</param>
    public BpeTrainingWords(List<(int[] Symbols, long Count)> words)
    {
        _words = words;
        _lengths = [.. words.Select(word => word.Symbols.Length)];
        for (var word = 0; word < words.Count; word++)
        {
            var symbols = words[word].Symbols;
            for (var i = 0; i + 1 < symbols.Length; i++)
                Add(BpeVocabulary.PairKey(symbols[i], symbols[i + 1]), words[word].Count, word);
        }

        QueueTouched();
    }

    /// <returns>Null when no pair occurs <paramref name="minimumFrequency"/> times.</returns>
    public (int Left, int Right)? MostFrequentPair(long minimumFrequency)
    {
        while (_queue.TryPeek(out var pair, out var priority))
        {
            if (_counts.GetValueOrDefault(pair) == priority.Count)
                return priority.Count >= minimumFrequency ? ((int)(pair >> 32), (int)pair) : null;
            _queue.Dequeue();
        }

        return null;
    }

    /// <summary>Replaces a pair everywhere by <paramref name="mergedId"/>.</summary>
    public void Merge((int Left, int Right) pair, int mergedId)
    {
        _places.Remove(BpeVocabulary.PairKey(pair.Left, pair.Right), out var places);
        foreach (var word in places ?? [])
            MergeIn(word, pair.Left, pair.Right, mergedId);
        QueueTouched();
    }

    private void MergeIn(int word, int left, int right, int mergedId)
    {
        var (symbols, count) = _words[word];
        var length = _lengths[word];
        var kept = 0;
        for (var i = 0; i < length; i++)
        {
            if (symbols[i] != left || i + 1 >= length || symbols[i + 1] != right)
            {
                symbols[kept++] = symbols[i];
                continue;
            }

            // symbols[..kept] is already rewritten, symbols[(i + 2)..] not yet: each neighbouring pair leaves in its present form.
            Add(BpeVocabulary.PairKey(left, right), -count, word);
            if (kept > 0)
            {
                Add(BpeVocabulary.PairKey(symbols[kept - 1], left), -count, word);
                Add(BpeVocabulary.PairKey(symbols[kept - 1], mergedId), count, word);
            }

            if (i + 2 < length)
            {
                Add(BpeVocabulary.PairKey(right, symbols[i + 2]), -count, word);
                Add(BpeVocabulary.PairKey(mergedId, symbols[i + 2]), count, word);
            }

            symbols[kept++] = mergedId;
            i++;
        }

        _lengths[word] = kept;
    }

    private void Add(long pair, long change, int word)
    {
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, pair, out _) += change;
        _touched.Add(pair);
        if (change > 0)
            (CollectionsMarshal.GetValueRefOrAddDefault(_places, pair, out _) ??= []).Add(word);
    }

    private void QueueTouched()
    {
        foreach (var pair in _touched)
        {
            if (_counts[pair] > 0)
                _queue.Enqueue(pair, (_counts[pair], pair));
            else
                _counts.Remove(pair);
        }

        _touched.Clear();
    }
}
