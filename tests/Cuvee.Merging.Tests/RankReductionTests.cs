using Cuvee.Merging.Materialization;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

public sealed class RankReductionTests
{
    [Theory]
    [InlineData(3, 2)] // 9 ranks stack
    [InlineData(9, 4)] // full rank through an identity factor
    public void Build_BoundedRank_DropsExactlyTheReportedEnergy(int adapters, int rank)
    {
        var pool = TestAdapters.Pool(adapters);
        var recipe = new WeightedRecipe(
            MergeSpace.Delta, [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, 0.5 - (0.2 * i), 0.8))]);
        var merged = new MergedAdapterBuilder(new RecipeMerger(pool)).Build(recipe, "merged", rank);
        Assert.Equal(rank, merged.Adapter.Config.Rank);
        double dropped = 0, total = 0;
        foreach (var (module, reduction) in merged.Adapter.Modules.Zip(merged.Reductions))
        {
            var exact = ReferenceMerge.Update(pool, recipe, module.Name);
            var kept = ReferenceMerge.Update(module);
            var energy = exact.Sum(x => x * x);
            var difference = exact.Zip(kept, (x, y) => (x - y) * (x - y)).Sum();
            Assert.Equal((module.Name, rank), (reduction.ModuleName, reduction.Rank));
            Assert.Equal(1, reduction.Energy / energy, 1e-5);
            Assert.Equal(difference / energy, reduction.DroppedShare, 1e-5);
            Assert.InRange(reduction.DroppedShare, 0.001, 0.999);
            Assert.Equal(SmallestEigenvalues(exact, module.OutFeatures, module.InFeatures, rank) / energy, reduction.DroppedShare, 1e-5);
            dropped += difference;
            total += energy;
        }

        Assert.Equal(dropped / total, merged.DroppedShare, 1e-5);
    }

    [Theory]
    [InlineData(MergeSpace.Factors, 3)]
    [InlineData(MergeSpace.Delta, 9)]
    [InlineData(MergeSpace.Delta, 64)]
    public void Build_RankLargeEnough_ExactAndNothingDropped(MergeSpace space, int rank)
    {
        var pool = TestAdapters.Pool(3);
        var recipe = new WeightedRecipe(space, [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, 0.5 - (0.2 * i)))]);
        var merged = new MergedAdapterBuilder(new RecipeMerger(pool)).Build(recipe, "merged", rank);
        Assert.Equal(0, merged.DroppedShare);
        Assert.All(
            merged.Adapter.Modules, module => MaterializationTests.AssertUpdate(ReferenceMerge.Update(pool, recipe, module.Name), module));
        Assert.All(merged.Reductions, reduction => Assert.Equal(
            1, ReferenceMerge.Update(pool, recipe, reduction.ModuleName).Sum(x => x * x) / reduction.Energy, 1e-5));
    }

    [Fact]
    public void Build_FactorsBelowOwnRank_IsReducedToo()
    {
        var pool = TestAdapters.Pool(3);
        var recipe = new WeightedRecipe(MergeSpace.Factors, [new("adapter-000", 1), new("adapter-001", -0.5)]);
        var merged = new MergedAdapterBuilder(new RecipeMerger(pool)).Build(recipe, "merged", 1);
        Assert.All(merged.Adapter.Modules, module => Assert.Equal(1, module.Rank));
        Assert.InRange(merged.DroppedShare, 0.01, 0.9);
    }

    [Fact]
    public void Build_RankZero_Throws() => Assert.Throws<ArgumentException>(
        () => new MergedAdapterBuilder(new RecipeMerger(TestAdapters.Pool(1)))
                .Build(new WeightedRecipe(MergeSpace.Delta, []), "merged", 0));

    // What no matrix of that rank can reach: the sum of the smallest eigenvalues of X X' or X' X, whichever is smaller.
    private static double SmallestEigenvalues(double[] x, int rows, int columns, int rank)
    {
        var n = Math.Min(rows, columns);
        var gram = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                for (var k = 0; k < Math.Max(rows, columns); k++)
                    gram[(i * n) + j] += rows <= columns
                        ? x[(i * columns) + k] * x[(j * columns) + k]
                        : x[(k * columns) + i] * x[(k * columns) + j];
            }
        }

        return SymmetricEigen.Decompose(gram, n).Values.Take(n - rank).Sum();
    }
}
