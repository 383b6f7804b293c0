using Cuvee.Merging.Methods;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

/// <summary>What the definitions of DELLA, Breadcrumbs, EMR and TSV-M imply, by hand or by algebra.</summary>
public sealed class MergeMethodPropertyTests
{
    [Fact]
    public void Della_ManyRows_KeepsTheRampAndTheMean()
    {
        const int Rows = 4000;
        float[] row = [-3, 1, 2, -5, 4]; // ranks 2, 0, 1, 4, 3
        var vector = Enumerable.Repeat(row, Rows).SelectMany(entries => entries).ToArray();
        var merged = Merge(new DellaMerge(), new() { ["density"] = 0.5, ["epsilon"] = 0.3 }, [1], Rows, vector);
        double[] expected = [0.5, 0.2, 0.35, 0.8, 0.65];
        for (var column = 0; column < row.Length; column++)
        {
            var kept = Enumerable.Range(0, Rows).Select(i => merged[(i * row.Length) + column]).Where(x => x != 0).ToList();
            var deviation = Math.Sqrt(expected[column] * (1 - expected[column]) / Rows);
            Assert.InRange(kept.Count / (double)Rows, expected[column] - (4 * deviation), expected[column] + (4 * deviation));
            Assert.All(kept, x => Assert.Equal(row[column] / expected[column], x, 1e-5));
        }
    }

    [Fact]
    public void Della_EpsilonBeyondTheDensity_IsCutToIt()
    {
        float[] vector = [.. Enumerable.Range(0, 200).Select(i => i - 99.5f)];
        float[] Merged(double epsilon) =>
            Merge(new DellaMerge(), new() { ["density"] = 0.9, ["epsilon"] = epsilon }, [1], 10, vector);
        Assert.Equal(Merged(0.1), Merged(0.5));
        Assert.NotEqual(Merged(0.1), Merged(0.05));
    }

    // 10 entries, gamma 0.2 and density 0.5: ranks 3 to 7 from the largest stay.
    [Fact]
    public void Breadcrumbs_GoldenNumbers_DropsBothTails() => Assert.Equal(
        [0, 0, 0, -8, 14, 12, -10, 16, 0, 0],
        Merge(
            new BreadcrumbsMerge(), new() { ["density"] = 0.5, ["gamma"] = 0.2, ["lambda"] = 2 }, [1], 2,
            [-10, 1, -2, -4, 7, 6, -5, 8, 9, 3]));

    [Fact]
    public void Breadcrumbs_DensityOne_DropsNothing() => Assert.Equal(
        [-10, 1, -2, 4],
        Merge(new BreadcrumbsMerge(), new() { ["density"] = 1, ["gamma"] = 0.5 }, [1], 2, [-10, 1, -2, 4]));

    [Fact]
    public void Breadcrumbs_EqualMagnitudes_AllStay() => Assert.Equal(
        [2, -2, 2, -2],
        Merge(new BreadcrumbsMerge(), new() { ["density"] = 0.5, ["gamma"] = 0.25 }, [1], 2, [2, -2, 2, -2]));

    [Fact]
    public void Breadcrumbs_DensityZero_IsTheBaseModel() => Assert.Equal(
        [0, 0], Merge(new BreadcrumbsMerge(), new() { ["density"] = 0 }, [1], 1, [1, 2]));

    // Sums 1, -3, 0, 3; with weight -1 for the second: 5, 7, 8, 3.
    [Fact]
    public void Emr_GoldenNumbers_LargestThatAgrees()
    {
        float[][] vectors = [[3, 2, 4, 0], [-2, -5, -4, 0], [0, 0, 0, 3]];
        Assert.Equal([3, -5, 0, 3], Merge(new EmrMerge(), [], [1, 1, 1], 1, vectors));
        Assert.Equal([1.5f, 2.5f, 2, 1.5f], Merge(new EmrMerge(), new() { ["lambda"] = 0.5 }, [1, -1, 1], 1, vectors));
    }

    [Fact]
    public void Emr_ManyCopies_IsOneOfThem()
    {
        float[] vector = [1, -2, 0.5f];
        Assert.Equal(vector, Merge(new EmrMerge(), [], [1, 1, 1], 1, vector, vector, vector));
    }

    [Fact]
    public void Tsv_OrthogonalTaskVectors_IsTheirSum()
    {
        // Row and column spaces apart: e0 x [3, 4, 0, 0] and e2 x [0, 0, 5, -12].
        float[] first = [3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], second = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, -12];
        AssertClose([3, 4, 0, 0, 0, 0, 0, 0, 0, 0, -10, 24], Merge(new TsvMerge(), [], [1, -2], 3, first, second));
    }

    [Fact]
    public void Tsv_TwoCopies_IsOneOfThem()
    {
        float[] vector = [3, 4, 0, 0, 6, 8, 0, 0, 0, 0, 1, 1];
        AssertClose(vector, Merge(new TsvMerge(), new() { ["components"] = 2 }, [1, 1], 3, vector, vector));
    }

    // Rank one and overlapping: no direction of the merge is counted twice, as a sum would.
    [Fact]
    public void Tsv_Overlap_NoSingularValueExceedsTheLargestOfThePool()
    {
        var random = new SeededRandom(4);
        float[][] vectors = [.. Enumerable.Range(0, 3).Select(_ => Outer(Near(random, 5), Near(random, 7)))];
        var largest = vectors.Max(vector => LowRankSvd.Decompose(vector, 5, 7, 1e-6).S[0]);
        var merged = LowRankSvd.Decompose(Merge(new TsvMerge(), [], [1, 1, 1], 5, vectors), 5, 7, 1e-6).S;
        var sum = LowRankSvd.Decompose(Merge(new TaskArithmetic(), [], [1, 1, 1], 5, vectors), 5, 7, 1e-6).S;
        Assert.Equal(3, merged.Length);
        Assert.InRange(merged[0], 0, largest * (1 + 1e-6));
        Assert.InRange(sum[0], 2 * largest, 3 * largest);
    }

    // Three adapters of rank 3 in [9, 9]: 9 / 3 components each cut nothing, two cut the smallest of each.
    [Fact]
    public void Tsv_MoreRankThanItsShare_CutsTheSmallestComponents()
    {
        float[] Diagonal(int at, params float[] values) =>
            [.. Enumerable.Range(0, 9 * 9).Select(i => i % 10 == 0 && i / 10 - at is >= 0 and < 3 ? values[(i / 10) - at] : 0)];
        float[][] vectors = [Diagonal(0, 3, 2, 1), Diagonal(3, 1, 4, 5), Diagonal(6, 7, 6, 1)];
        AssertClose(Summed(vectors, 0), Merge(new TsvMerge(), [], [1, 1, 1], 9, vectors));
        AssertClose(Summed(vectors, 1), Merge(new TsvMerge(), new() { ["components"] = 2 }, [1, 1, 1], 9, vectors));
        static float[] Summed(float[][] vectors, float dropped) =>
            [.. Enumerable.Range(0, 81).Select(i => vectors.Sum(vector => vector[i] > dropped ? vector[i] : 0))];
    }

    // Rank 4 each in [9, 9]: halves cut nothing, thirds would.
    [Fact]
    public void Tsv_AdapterOfWeightZero_TakesNoShare()
    {
        float[] Diagonal(int at) =>
            [.. Enumerable.Range(0, 9 * 9).Select(i => i % 10 == 0 && i / 10 - at is >= 0 and < 4 ? 1 + (i / 10) : 0)];
        float[][] vectors = [Diagonal(0), Diagonal(4), Diagonal(2)];
        Assert.Equal(Merge(new TsvMerge(), [], [1, 1], 9, vectors[..2]), Merge(new TsvMerge(), [], [1, 1, 0], 9, vectors));
        Assert.Equal(new float[81], Merge(new TsvMerge(), [], [0, 0, 0], 9, vectors));
    }

    [Fact]
    public void Tsv_AllZero_IsZero() => Assert.Equal([0, 0, 0, 0], Merge(new TsvMerge(), [], [1, 1], 2, new float[4], new float[4]));

    private static float[] Near(SeededRandom random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => 1 + (0.2f * (float)random.NextGaussian()))];

    private static float[] Outer(float[] left, float[] right) => [.. left.SelectMany(x => right.Select(y => x * y))];

    private static void AssertClose(float[] expected, float[] actual) =>
        Assert.InRange(ReferenceMerge.RelativeError(actual, Array.ConvertAll(expected, x => (double)x)), 0, 1e-6);

    private static float[] Merge(
        IMergeMethod method, Dictionary<string, double> values, double[] weights, int rows, params float[][] deltas)
    {
        var vectors = new TaskVectors(
            "m", rows, deltas[0].Length / rows, [.. deltas.Select(delta => (ReadOnlyMemory<float>)delta)]);
        var recipe = new MethodRecipe(
            method.Name, values,
            [.. weights.Select((weight, i) => new AdapterParameters($"a{i}", new Dictionary<string, double> { ["weight"] = weight }))]);
        var merged = new float[deltas[0].Length];
        Array.Fill(merged, 9);
        method.Prepare([vectors], MergeArguments.For(method, recipe))(vectors, merged);
        return merged;
    }
}
