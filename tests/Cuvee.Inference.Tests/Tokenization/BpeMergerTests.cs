using Cuvee.Inference.Tokenization.Bpe;
using FsCheck;
using FsCheck.Fluent;

namespace Cuvee.Inference.Tests.Tokenization;

public class BpeMergerTests
{
    private const int Letters = 3;

    // Random merge tables over three letters, so that most pairs merge and repeats are common.
    private static readonly Gen<(int[] Symbols, Dictionary<long, (int Rank, int Merged)> Merges)> Cases =
        from merges in Gen.ListOf(Gen.Zip(Gen.Choose(0, 12), Gen.Choose(0, 12)))
        from symbols in Gen.ArrayOf(Gen.Choose(0, Letters - 1))
        select (symbols, Table(merges));

    [Fact]
    public void Merge_RandomTables_EqualsLowestRankFirstByScanning() => Prop.ForAll(Cases.ToArbitrary(), item =>
    {
        var actual = item.Symbols.ToArray();
        var kept = BpeMerger.Merge(actual, new MergeTable(item.Merges));
        return actual.AsSpan(0, kept).SequenceEqual(MergeByScanning(item.Symbols, item.Merges));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(150));

    [Fact]
    public void Merge_PieceLongerThanTheStackBuffers_EqualsScanning()
    {
        var merges = Table([(0, 0), (3, 3), (4, 4), (0, 1), (6, 2)]);
        var symbols = Enumerable.Range(0, 1000).Select(i => i * i % 7 % Letters).ToArray();
        var actual = symbols.ToArray();

        var kept = BpeMerger.Merge(actual, new MergeTable(merges));

        Assert.Equal(MergeByScanning(symbols, merges), actual[..kept]);
    }

    private static Dictionary<long, (int Rank, int Merged)> Table(IReadOnlyList<(int Left, int Right)> pairs)
    {
        var table = new Dictionary<long, (int Rank, int Merged)>();
        foreach (var (left, right) in pairs)
            table.TryAdd(BpeVocabulary.PairKey(left, right), (table.Count, Letters + table.Count));
        return table;
    }

    /// <summary>The definition: as long as there is a mergeable pair, merge the leftmost of those with the lowest rank.</summary>
    private static int[] MergeByScanning(int[] symbols, Dictionary<long, (int Rank, int Merged)> merges)
    {
        var list = symbols.ToList();
        while (true)
        {
            var best = -1;
            var bestRank = int.MaxValue;
            var bestMerged = 0;
            for (var i = 0; i + 1 < list.Count; i++)
            {
                if (merges.TryGetValue(BpeVocabulary.PairKey(list[i], list[i + 1]), out var merge) && merge.Rank < bestRank)
                    (best, bestRank, bestMerged) = (i, merge.Rank, merge.Merged);
            }

            if (best < 0)
                return [.. list];
            list[best] = bestMerged;
            list.RemoveAt(best + 1);
        }
    }
}
