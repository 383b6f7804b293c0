using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Cuvee.Inference.Tokenization.Bpe;

/// <summary>Byte-pair encoding of single pieces (arXiv 1508.07909), with a bounded cache of short ones. Thread-safe.</summary>
internal sealed class BpeModel
{
    private const char Mark = '\u2581'; // SentencePiece's space

    private readonly BpeVocabulary _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly int[] _byteIds; // [256] id of each byte's token, -1 where there is none
    private readonly PieceCache _cache = new();
    private readonly SearchValues<char>? _joiners; // null: pieces are words already

    public BpeModel(BpeVocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        _ids = vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _byteIds = new int[256];
        for (var value = 0; value < 256; value++)
        {
            var spelling = vocabulary.IsByteLevel ? ByteLevelAlphabet.ToCharacter((byte)value).ToString() : $"<0x{value:X2}>";
            _byteIds[value] = vocabulary.Ids.GetValueOrDefault(spelling, -1);
        }

        _joiners = Joiners(vocabulary);
    }

    /// <param name="piece">Well-formed UTF-16.</param>
    /// <param name="output">Receives the ids.</param>
    public void Encode(ReadOnlySpan<char> piece, List<int> output)
    {
        if (_joiners is not null)
        {
            for (int end; (end = WordEnd(piece, _joiners)) < piece.Length; piece = piece[end..]) EncodeWord(piece[..end], output);
        }

        EncodeWord(piece, output);
    }

    /// <summary>
    /// The characters behind which a word may go on with a mark. Behind any other one nothing merges with the mark, which is itself never
    /// unknown: so the words of a text, which SentencePiece does not cut before it merges, can be encoded, and remembered, one by one.
    /// </summary>
    /// <returns>Null where that does not hold.</returns>
    private static SearchValues<char>? Joiners(BpeVocabulary vocabulary)
    {
        if (vocabulary.IsByteLevel || vocabulary.IgnoreMerges || !vocabulary.Ids.ContainsKey(Mark.ToString())) return null;
        var spellings = vocabulary.Ids.ToDictionary(entry => entry.Value, entry => entry.Key);
        return SearchValues.Create([.. vocabulary.Merges.Pairs.Where(pair => spellings[pair.Right].StartsWith(Mark))
            .Select(pair => spellings[pair.Left][^1]).Append(Mark).Distinct()]);
    }

    private static int WordEnd(ReadOnlySpan<char> piece, SearchValues<char> joiners)
    {
        for (var end = 1; end < piece.Length; end++)
        {
            var mark = piece[end..].IndexOf(Mark);
            if (mark < 0) break;
            end += mark;
            if (!joiners.Contains(piece[end - 1])) return end;
        }

        return piece.Length;
    }

    private void EncodeWord(ReadOnlySpan<char> piece, List<int> output)
    {
        if (_cache.TryGet(piece, output)) return;
        var start = output.Count;
        EncodeUncached(piece, output);
        _cache.Keep(piece, CollectionsMarshal.AsSpan(output)[start..]);
    }

    private void EncodeUncached(ReadOnlySpan<char> piece, List<int> output)
    {
        if (_vocabulary.IsByteLevel)
        {
            var length = Encoding.UTF8.GetMaxByteCount(piece.Length);
            Span<byte> buffer = length <= 1024 ? stackalloc byte[length] : new byte[length];
            var bytes = buffer[..Encoding.UTF8.GetBytes(piece, buffer)];
            if (_vocabulary.IgnoreMerges && TryGetWhole(bytes, out var whole))
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

    private bool TryGetWhole(ReadOnlySpan<byte> bytes, out int id)
    {
        Span<char> spelling = bytes.Length <= 512 ? stackalloc char[bytes.Length] : new char[bytes.Length];
        ByteLevelAlphabet.Spell(bytes, spelling);
        return _ids.TryGetValue(spelling, out id);
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
