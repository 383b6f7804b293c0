using Cuvee.Merging.Methods;

namespace Cuvee.Merging.Sparsification;

/// <summary>
/// Exactly the entries whose magnitudes have certain ranks, the largest first, in vectors that come in pieces; entries of equal magnitude
/// rank in the order of their positions. In 16-bit checkpoints a few magnitudes make up most of a difference: a threshold alone would keep
/// far more than was asked for.
/// </summary>
internal sealed class RankWindow
{
    private readonly Vector[] vectors;
    private readonly Dictionary<string, (long Upper, long Lower)[]> before = new(StringComparer.Ordinal); // by piece

    private RankWindow(Vector[] vectors) => this.vectors = vectors;

    /// <param name="pieces">Enumerated three times, or five where a window does not begin at the largest.</param>
    /// <param name="ranksOf">From a vector's position and length to the first and last rank inside, from 1; last below first: none.</param>
    public static RankWindow Measure(IEnumerable<TaskVectors> pieces, int vectors, Func<int, long, (long First, long Last)> ranksOf)
    {
        var lengths = new long[vectors];
        long Clamped(long rank, long length) => Math.Clamp(rank, 1, length);
        var deltas = pieces.Select(piece => piece.Deltas);
        var lower = MagnitudeSelection.AtRanks(
            deltas, vectors, (i, length) => Clamped(ranksOf(i, lengths[i] = length).Last, length));
        var windows = Enumerable.Range(0, vectors).Select(i => ranksOf(i, lengths[i])).ToArray();
        var upper = windows.All(window => window.First == 1)
            ? Enumerable.Repeat(float.PositiveInfinity, vectors).ToArray()
            : MagnitudeSelection.AtRanks(deltas, vectors, (i, length) => Clamped(windows[i].First, length));
        var measured = new RankWindow(
            [.. windows.Select((ranks, i) => new Vector { First = ranks.First, Last = ranks.Last, Upper = upper[i], Lower = lower[i] })]);
        foreach (var piece in pieces) measured.Count(piece);
        return measured;
    }

    /// <summary>kept = x where its rank lies inside, else 0.</summary>
    /// <param name="piece">One of those that were measured.</param>
    /// <param name="rescales">Scale what stays so that the vector's sum of magnitudes stays what it was.</param>
    public void Apply(TaskVectors piece, int i, bool rescales, Span<float> kept)
    {
        var vector = vectors[i];
        var (upper, lower) = before[piece.ModuleName][i];
        var source = piece.Deltas[i].Span;
        var scale = rescales ? vector.Scale : 1;
        for (var j = 0; j < kept.Length; j++)
        {
            var magnitude = Math.Abs(source[j]);
            bool stays;
            if (magnitude == vector.Upper) stays = vector.Holds(vector.AboveUpper + ++upper);
            else if (magnitude == vector.Lower) stays = vector.Holds(vector.AboveLower + ++lower);
            else stays = magnitude < vector.Upper && magnitude > vector.Lower;
            kept[j] = stays ? (float)(scale * source[j]) : 0;
        }
    }

    private void Count(TaskVectors piece)
    {
        before.Add(piece.ModuleName, [.. vectors.Select(vector => (vector.AtUpper, vector.AtLower))]);
        for (var i = 0; i < vectors.Length; i++)
        {
            var vector = vectors[i];
            foreach (var value in piece.Deltas[i].Span)
            {
                var magnitude = Math.Abs(value);
                vector.Sum += magnitude;
                if (magnitude > vector.Upper) vector.AboveUpper++;
                else if (magnitude == vector.Upper) vector.AtUpper++;
                else if (magnitude > vector.Lower) vector.SumBetween += magnitude;
                if (magnitude > vector.Lower) vector.AboveLower++;
                else if (magnitude == vector.Lower && magnitude != vector.Upper) vector.AtLower++;
            }
        }
    }

    private sealed class Vector
    {
        public required long First { get; init; }

        public required long Last { get; init; }

        public required float Upper { get; init; } // magnitude at the first rank; infinity where that is the largest of all

        public required float Lower { get; init; } // magnitude at the last rank

        public long AboveUpper { get; set; } // entries

        public long AtUpper { get; set; }

        public long AboveLower { get; set; }

        public long AtLower { get; set; } // 0 where the two are the same

        public double Sum { get; set; } // of magnitudes

        public double SumBetween { get; set; } // of magnitudes strictly inside

        public double Scale
        {
            get
            {
                var largest = AtUpper > 0 ? Upper * (double)Inside(AboveUpper, AtUpper) : 0; // the upper limit may be infinite
                var kept = SumBetween + largest + (Lower * (double)Inside(AboveLower, AtLower));
                return kept > 0 ? Sum / kept : 1;
            }
        }

        public bool Holds(long rank) => rank >= First && rank <= Last;

        // How many of the ranks above + 1 .. above + count.
        private long Inside(long above, long count) => Math.Max(0, Math.Min(Last, above + count) - Math.Max(First, above + 1) + 1);
    }
}
