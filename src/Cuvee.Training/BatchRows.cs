namespace Cuvee.Training;

/// <summary>
/// A batch laid out without padding: a row is a token, sequences follow each other. The last token of a sequence is only a target. Buffers
/// only grow.
/// </summary>
internal sealed class BatchRows
{
    private readonly List<SequenceRows> sequences = [];
    private int[] tokens = [], positions = [], scoredRows = [], targets = [];

    public int Rows { get; private set; }

    public int Scored { get; private set; }

    public int LongestSequence { get; private set; }

    /// <summary>Attention probabilities of all heads of all sequences.</summary>
    public int Probabilities { get; private set; }

    public IReadOnlyList<SequenceRows> Sequences => sequences;

    /// <summary>[rows]</summary>
    public ReadOnlyMemory<int> Tokens => tokens.AsMemory(0, Rows);

    /// <summary>[rows]</summary>
    public ReadOnlySpan<int> Positions => positions.AsSpan(0, Rows);

    /// <summary>Rows whose next token is scored, rising [scored].</summary>
    public ReadOnlySpan<int> ScoredRows => scoredRows.AsSpan(0, Scored);

    /// <summary>Their next tokens [scored].</summary>
    public ReadOnlySpan<int> Targets => targets.AsSpan(0, Scored);

    public void Lay(IReadOnlyList<TrainingExample> batch, int heads)
    {
        (Rows, Scored, LongestSequence, Probabilities) = (0, 0, 0, 0);
        sequences.Clear();
        foreach (var example in batch)
        {
            var length = example.Tokens.Length - 1;
            sequences.Add(new SequenceRows(Rows, length, Probabilities));
            Rows += length;
            Scored += example.Tokens.Length - example.ScoredFrom;
            LongestSequence = Math.Max(LongestSequence, length);
            Probabilities = checked(Probabilities + (heads * length * length));
        }

        Grow(ref tokens, Rows);
        Grow(ref positions, Rows);
        Grow(ref scoredRows, Scored);
        Grow(ref targets, Scored);
        var (row, scored) = (0, 0);
        foreach (var example in batch)
        {
            for (var i = 0; i + 1 < example.Tokens.Length; i++, row++)
            {
                (tokens[row], positions[row]) = (example.Tokens[i], i);
                if (i + 1 < example.ScoredFrom) continue;
                (scoredRows[scored], targets[scored]) = (row, example.Tokens[i + 1]);
                scored++;
            }
        }
    }

    /// <summary>A buffer of at least <paramref name="length"/>; its contents do not survive growth.</summary>
    public static void Grow<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length) buffer = GC.AllocateUninitializedArray<T>(checked(length + (length / 4)));
    }
}

/// <param name="Start">First row.</param>
/// <param name="Length">Rows.</param>
/// <param name="FirstProbability">Where its probabilities [heads, length, length] begin.</param>
internal readonly record struct SequenceRows(int Start, int Length, int FirstProbability);
