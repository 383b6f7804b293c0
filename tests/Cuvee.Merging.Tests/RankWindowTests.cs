using Cuvee.Merging.Methods;
using Cuvee.Merging.Sparsification;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

public sealed class RankWindowTests
{
    /// <summary>Against a stable sort; few distinct magnitudes, so that most ranks are ties, and pieces of unequal lengths.</summary>
    [Theory]
    [InlineData(1, 17)]
    [InlineData(5, 20)]
    [InlineData(1, 60)]
    [InlineData(30, 29)]
    [InlineData(60, 60)]
    [InlineData(61, 60)]
    [InlineData(1, 0)]
    public void Apply_TiesAcrossPieces_ExactlyTheRanksInside(int first, int last)
    {
        var random = new SeededRandom(5);
        float[][] vectors = [.. Enumerable.Range(0, 2).Select(_ =>
            Enumerable.Range(0, 60).Select(_ => (random.NextInt32(9) - 4) / 4f).ToArray())];
        (int Start, int Length)[] cuts = [(0, 7), (7, 1), (8, 30), (38, 22)];
        TaskVectors[] pieces = [.. cuts.Select(cut => new TaskVectors(
            $"at {cut.Start}", 1, cut.Length,
            [.. vectors.Select(vector => (ReadOnlyMemory<float>)vector.AsMemory(cut.Start, cut.Length))]))];
        // The second vector keeps another window: they are measured apart.
        var window = RankWindow.Measure(pieces, 2, (i, length) => i == 0 ? (first, last) : (3, length));
        for (var i = 0; i < 2; i++)
        {
            var (from, to) = i == 0 ? (first, last) : (3, 60);
            var inside = vectors[i].Select((value, place) => (value, place)).OrderByDescending(entry => Math.Abs(entry.value))
                .Select(entry => entry.place).Take(to).Skip(from - 1).ToHashSet();
            var total = vectors[i].Sum(Math.Abs);
            var kept = inside.Sum(place => Math.Abs(vectors[i][place]));
            foreach (var rescales in (bool[])[false, true])
            {
                var scale = rescales && kept > 0 ? (double)total / kept : 1;
                for (var piece = 0; piece < pieces.Length; piece++)
                {
                    var result = new float[cuts[piece].Length];
                    window.Apply(pieces[piece], i, rescales, result);
                    for (var j = 0; j < result.Length; j++)
                    {
                        var place = cuts[piece].Start + j;
                        Assert.Equal(inside.Contains(place) ? scale * vectors[i][place] : 0, result[j], 1e-6);
                    }
                }
            }
        }
    }
}
