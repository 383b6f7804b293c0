using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace Cuvee.Inference.Tokenization.Bpe;

/// <summary>Byte-pair encoding of single pieces (arXiv 1508.07909), with a bounded cache of short ones. Thread-safe.</summary>
internal sealed class BpeModel
{
    // Text repeats its words: this many short pieces hold nearly all of a corpus, at some MB of memory.
    private const int CacheCapacity = 32768; // pieces
    private const int LongestCached = 64;    // UTF-16 units

    private readonly BpeVocabulary _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly int[] _byteIds; // [256] id of each byte's token, -1 where there is none
    private readonly ConcurrentDictionary<string, int[]> _cache = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _cached;
    private int _cacheCount;

    public BpeModel(BpeVocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        _ids = vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _cached = _cache.GetAlternateLookup<ReadOnlySpan<char>>();
        _byteIds = new int[256];
        for (var value = 0; value < 256; value++)
        {
            var spelling = vocabulary.IsByteLevel ? ByteLevelAlphabet.ToCharacter((byte)value).ToString() : $"<0x{value:X2}>";
            _byteIds[value] = vocabulary.Ids.GetValueOrDefault(spelling, -1);
        }
    }

    /// <param name="piece">Well-formed UTF-16.</param>
    /// <param name="output">Receives the ids.</param>
    public void Encode(ReadOnlySpan<char> piece, List<int> output)
    {
        var cacheable = piece.Length <= LongestCached;
        if (cacheable && _cached.TryGetValue(piece, out var known))
        {
            output.AddRange(known);
            return;
        }

        var start = output.Count;
        EncodeUncached(piece, output);
        if (cacheable && Volatile.Read(ref _cacheCount) < CacheCapacity
            && _cached.TryAdd(piece, CollectionsMarshal.AsSpan(output)[start..].ToArray()))
            Interlocked.Increment(ref _cacheCount);
    }

    private void EncodeUncached(ReadOnlySpan<char> piece, List<int> output)
    {
        if (_vocabulary.IsByteLevel)
        {
            var length = Encoding.UTF8.GetMaxByteCount(piece.Length);
            Span<byte> buffer = length <= 1024 ? stackalloc byte[length] : new byte[length];
            var bytes = buffer[..Encoding.UTF8.GetBytes(piece, buffer)];
            if (_vocabulary.IgnoreMerges && _vocabulary.Ids.TryGetValue(ByteLevelAlphabet.Spell(bytes), out var whole))
            {
                output.Add(whole);
                return;
            }

            var start = output.Count;
            foreach (var value in bytes)
                AddSymbol(_byteIds[value], output, start);
            Merge(output, start);
        }
        else
        {
            if (_vocabulary.IgnoreMerges && _ids.TryGetValue(piece, out var whole))
            {
                output.Add(whole);
                return;
            }

            var start = output.Count;
            AddCharacters(piece, output);
            Merge(output, start);
        }
    }

    private void AddCharacters(ReadOnlySpan<char> piece, List<int> output)
    {
        var start = output.Count;
        Span<byte> utf8 = stackalloc byte[4];
        for (var position = 0; position < piece.Length;)
        {
            var length = char.IsHighSurrogate(piece[position]) ? 2 : 1;
            var character = piece.Slice(position, length);
            position += length;
            if (_ids.TryGetValue(character, out var id))
            {
                output.Add(id);
                continue;
            }

            var bytes = utf8[..Encoding.UTF8.GetBytes(character, utf8)];
            if (_vocabulary.ByteFallback && HasAll(bytes))
            {
                foreach (var value in bytes)
                    output.Add(_byteIds[value]);
                continue;
            }

            AddSymbol(-1, output, start);
        }
    }

    private bool HasAll(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (_byteIds[value] < 0)
                return false;
        }

        return true;
    }

    private void AddSymbol(int id, List<int> output, int start)
    {
        if (id >= 0)
            output.Add(id);
        else if (_vocabulary.UnknownId is { } unknown
            && !(_vocabulary.FuseUnknown && output.Count > start && output[^1] == unknown))
            output.Add(unknown);
    }

    private void Merge(List<int> output, int start)
    {
        var kept = BpeMerger.Merge(CollectionsMarshal.AsSpan(output)[start..], _vocabulary.Merges);
        CollectionsMarshal.SetCount(output, start + kept);
    }
}
