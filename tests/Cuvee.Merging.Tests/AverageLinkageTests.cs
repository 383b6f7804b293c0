using Cuvee.Merging.Inspection;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

public sealed class AverageLinkageTests
{
    [Theory]
    [InlineData(-1)]
    [InlineData(-0.05)]
    [InlineData(0.1)]
    [InlineData(0.3)]
    [InlineData(0.95)]
    public void Cluster_RandomSimilarities_EqualsTheDefinitionStepByStep(double threshold)
    {
        for (ulong seed = 0; seed < 6; seed++)
        {
            var similarity = Random(23, seed);
            Assert.Equal(Definition(similarity, threshold), AverageLinkage.Cluster(similarity, threshold).Select(group => group.ToArray()));
        }
    }

    /// <summary>0-1 and 2-3 are close; 1-2 too, but the mean of the four pairs between the two groups is not.</summary>
    [Fact]
    public void Cluster_Chain_IsNotJoinedByItsClosestPair()
    {
        double[][] similarity = [[1, 0.9, 0, 0], [0.9, 1, 0.8, 0], [0, 0.8, 1, 0.9], [0, 0, 0.9, 1]];
        Assert.Equal([[0, 1], [2, 3]], AverageLinkage.Cluster(similarity, 0.3).Select(group => group.ToArray()));
        Assert.Equal([[0, 1, 2, 3]], AverageLinkage.Cluster(similarity, 0.19).Select(group => group.ToArray()));
    }

    [Fact]
    public void Cluster_OneItem_IsOneGroup() => Assert.Equal([0], Assert.Single(AverageLinkage.Cluster([[1.0]], 0)));

    private static double[][] Random(int count, ulong seed)
    {
        var random = new SeededRandom(seed);
        var similarity = Enumerable.Range(0, count).Select(_ => new double[count]).ToArray();
        for (var i = 0; i < count; i++)
            for (var j = 0; j <= i; j++) similarity[i][j] = similarity[j][i] = i == j ? 1 : (2 * random.NextDouble()) - 1;
        return similarity;
    }

    /// <summary>Every step looks at every pair of groups and takes the mean over all pairs of their members.</summary>
    private static List<int[]> Definition(double[][] similarity, double threshold)
    {
        var groups = Enumerable.Range(0, similarity.Length).Select(i => new[] { i }).ToList();
        while (groups.Count > 1)
        {
            var pairs = from a in groups from b in groups where a[0] < b[0] select (a, b);
            var (first, second) = pairs.MaxBy(pair => Mean(pair.a, pair.b));
            if (Mean(first, second) < threshold) break;
            groups.Remove(first);
            groups.Remove(second);
            groups.Add([.. first.Concat(second).Order()]);
        }

        return [.. groups.OrderBy(group => group[0])];

        double Mean(int[] a, int[] b) => a.Average(i => b.Average(j => similarity[i][j]));
    }
}
