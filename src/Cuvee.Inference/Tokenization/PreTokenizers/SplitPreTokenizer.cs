namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary><c>Split</c>, <c>Digits</c> and the regex part of <c>ByteLevel</c>: cuts at the occurrences of a pattern.</summary>
/// <param name="invert">The stretches between the matches are the delimiters.</param>
internal sealed class SplitPreTokenizer(PatternMatcher pattern, SplitBehavior behavior, bool invert) : IPreTokenizer
{
    public void Split(ReadOnlyMemory<char> piece, PieceStart _, List<ReadOnlyMemory<char>> pieces)
    {
        var matches = new List<(int Start, int End)>();
        pattern.FindAll(piece.Span, matches);
        if (behavior == SplitBehavior.Isolated) // invert changes nothing: both kinds of stretches are kept
        {
            AppendIsolated(piece, matches, pieces);
            return;
        }

        var pending = 0;               // start of the piece being collected
        var previousIsDelimiter = false;
        foreach (var (start, end, isDelimiter) in Stretches(matches, piece.Length))
        {
            var cutsBefore = behavior switch
            {
                SplitBehavior.Removed => true,
                SplitBehavior.MergedWithPrevious => !isDelimiter || previousIsDelimiter,
                SplitBehavior.MergedWithNext => isDelimiter || !previousIsDelimiter,
                SplitBehavior.Contiguous => isDelimiter != previousIsDelimiter,
                _ => throw new InvalidOperationException($"no rule for {behavior}"),
            };
            if (cutsBefore && start > pending)
            {
                pieces.Add(piece[pending..start]);
                pending = start;
            }

            if (behavior == SplitBehavior.Removed && isDelimiter)
                pending = end;
            previousIsDelimiter = isDelimiter;
        }

        if (pending < piece.Length)
            pieces.Add(piece[pending..]);
    }

    private static void AppendIsolated(ReadOnlyMemory<char> piece, List<(int Start, int End)> matches, List<ReadOnlyMemory<char>> pieces)
    {
        var position = 0;
        foreach (var (start, end) in matches)
        {
            if (start > position)
                pieces.Add(piece[position..start]);
            pieces.Add(piece[start..end]);
            position = end;
        }

        if (position < piece.Length)
            pieces.Add(piece[position..]);
    }

    private IEnumerable<(int Start, int End, bool IsDelimiter)> Stretches(List<(int Start, int End)> matches, int length)
    {
        var position = 0;
        foreach (var (start, end) in matches)
        {
            if (start > position)
                yield return (position, start, invert);
            yield return (start, end, !invert);
            position = end;
        }

        if (position < length)
            yield return (position, length, invert);
    }
}
