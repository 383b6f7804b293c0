using Cuvee.Formats.Peft;
using Cuvee.Merging.Inspection;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

public sealed class PoolInspectionTests
{
    [Fact]
    public void Inspect_RandomPool_NormsCosinesAndSignsEqualDenseDouble()
    {
        var pool = new AdapterPool(
        [
            TestAdapters.Adapter("a", 1, rank: 2, scaling: 0.5f), TestAdapters.Adapter("b", 2, rank: 5),
            TestAdapters.Adapter("c", 3, rank: 4, shapes: [TestAdapters.Shapes[0]]),
        ]);
        var report = PoolInspection.Inspect(pool);
        var dense = pool.Adapters.Select(Dense).ToList();
        Assert.Equal((2L * 11 * 37, 2L * 11 * 37), report.SignEntries);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(Math.Sqrt(Dot(dense[i], dense[i])), report.Adapters[i].DeltaNorm, 1e-4);
            for (var j = 0; j < 3; j++)
            {
                var norms = Math.Sqrt(Dot(dense[i], dense[i]) * Dot(dense[j], dense[j]));
                Assert.Equal(Dot(dense[i], dense[j]) / norms, report.CosineSimilarity[i][j], 1e-6);
                var shared = dense[i].Zip(dense[j]).Where(pair => pair.First != 0 && pair.Second != 0).ToList();
                Assert.Equal((double)shared.Count(pair => pair.First * pair.Second < 0) / shared.Count, report.SignConflict[i][j], 1e-12);
            }
        }

        var a = report.Adapters[0];
        Assert.Equal(("a", 2, 2L * 2 * (11 + 37)), (a.Name, a.Modules, a.Parameters));
        Assert.Equal([2], a.Ranks);
        Assert.Equal([0.5f], a.Scalings);
    }

    /// <summary>A thousand adapters of a large vocabulary are more than one array holds.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(7 * 37)]
    public void InnerProducts_StackByStack_EqualThoseOfAllTogether(int stackElements)
    {
        var module = new PooledModule(TestAdapters.Wide, TestAdapters.Pool(5));
        using var team = new ThreadTeam(2);
        double[][] Products(int elements)
        {
            double[][] products = [.. Enumerable.Range(0, 5).Select(_ => new double[5])];
            DeltaInnerProducts.Accumulate(module, products, team, elements);
            return products;
        }

        var (together, apart) = (Products(int.MaxValue), Products(stackElements));
        for (var i = 0; i < 5; i++)
        {
            for (var j = 0; j < 5; j++)
            {
                Assert.Equal(together[i][j], apart[i][j], 1e-5 * Math.Sqrt(together[i][i] * together[j][j]));
                Assert.Equal(apart[i][j], apart[j][i]);
            }
        }
    }

    [Fact]
    public void Inspect_NegatedAdapter_OppositeInEveryEntry()
    {
        var a = TestAdapters.Adapter("a", 1);
        var b = a with { Name = "b", Modules = [.. a.Modules.Select(module => module with { Scaling = -module.Scaling })] };
        var report = PoolInspection.Inspect(new AdapterPool([a, b]), rowsPerModule: 5);
        Assert.Equal(-1, report.CosineSimilarity[0][1], 1e-6);
        Assert.Equal(1, report.SignConflict[0][1]);
        Assert.Equal(5L * (11 + 37), report.SignEntries.Counted);
    }

    [Fact]
    public void Inspect_HealthyPool_NoProblems()
    {
        var pool = new AdapterPool([TestAdapters.Adapter("a", 1), TestAdapters.Adapter("b", 2), TestAdapters.Adapter("c", 3)]);
        Assert.Empty(PoolInspection.Inspect(pool).Problems);
    }

    [Fact]
    public void Inspect_SickPool_EachProblemNamed()
    {
        var a = TestAdapters.Adapter("a", 1);
        PeftAdapter Altered(string name, Func<LoraModule, LoraModule> alter) =>
            a with { Name = name, Modules = [.. a.Modules.Select(alter)] };
        var report = PoolInspection.Inspect(new AdapterPool(
        [
            a,
            Altered("copy", module => module),
            Altered("zero", module => module with { LoraB = Zeros(module.LoraB) }),
            Altered("half-dead", module =>
                module.Name == TestAdapters.Tall ? module with { LoraA = Zeros(module.LoraA) } : module),
            Altered("huge", module => module with { Scaling = 100 }),
            TestAdapters.Adapter("wide-rank", 9, rank: 7),
        ]));
        foreach (var expected in new[]
        {
            "'zero' changes nothing", "rank 3 in adapter 'a' but 7 in 'wide-rank'",
            $"'half-dead' has 1 module(s) with a zero update, the first being {TestAdapters.Tall}",
            "'huge' has a norm", "'a' and 'copy' are nearly the same", "Scalings",
        })
        {
            Assert.Contains(report.Problems, problem => problem.Contains(expected, StringComparison.Ordinal));
        }
    }

    private static double[] Dense(PeftAdapter adapter) =>
        [.. TestAdapters.Shapes.SelectMany(shape => adapter.Modules.SingleOrDefault(module => module.Name == shape.Name) is { } module
            ? ReferenceMerge.Update(module)
            : new double[shape.OutFeatures * shape.InFeatures])];

    private static double Dot(double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();

    private static StoredMatrix Zeros(StoredMatrix like) => StoredMatrix.Over(like.Rows, like.Columns, new float[like.Count]);
}
