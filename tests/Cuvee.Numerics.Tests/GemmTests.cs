namespace Cuvee.Numerics.Tests;

public class GemmTests
{
    private static readonly int[] Edges =
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65,
    ];

    private static readonly int[] Depths = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 255, 256, 257, 511, 512, 513, 769];

    [Fact]
    public void Multiply_EdgeSizesAndTransposes_IsTheChainOverRisingK()
    {
        var random = new SeededRandom(3);
        for (var trial = 0; trial < 400; trial++)
        {
            var problem = GemmProblem.Draw(random, Pick(random, Edges), Pick(random, Edges), Pick(random, Depths));
            Assert.Equal(problem.Expected(), problem.Actual());
        }
    }

    [Fact]
    public void Multiply_PastEveryCacheBlock_IsTheChainOverRisingK()
    {
        var random = new SeededRandom(4);
        foreach (var (m, n, k) in new[] { (397, 33, 300), (5, 1029, 260), (385, 1025, 9), (13, 40, 4096) })
        {
            var problem = GemmProblem.Draw(random, m, n, k);
            Assert.Equal(problem.Expected(), problem.Actual());
        }
    }

    [Fact]
    public void Multiply_RowsOfAInTheSameSetsOfTheCache_IsTheChainOverRisingK()
    {
        var random = new SeededRandom(9);
        var problems = Enumerable.Range(0, 12).Select(_ => GemmProblem.Draw(random, 29, 200, 512, transposeA: false)).ToList();
        Assert.Contains(problems, problem => problem.Lda == 512); // 2 KiB apart
        foreach (var problem in problems) Assert.Equal(problem.Expected(), problem.Actual());
    }

    [Fact]
    public void Multiply_AgainstDoubles_ErrsByAFewRoundingsPerTerm()
    {
        var random = new SeededRandom(5);
        foreach (var k in new[] { 1, 8, 256, 704, 4096 })
        {
            var problem = GemmProblem.Draw(random, 19, 45, k);
            var actual = problem.Actual();
            foreach (var (index, exact, magnitude) in problem.ExactInDoubles())
                Assert.InRange(actual[index] - exact, -3e-7 * Math.Sqrt(k + 1) * magnitude, 3e-7 * Math.Sqrt(k + 1) * magnitude);
        }
    }

    [Fact]
    public void Multiply_WithoutAccumulation_DoesNotReadC()
    {
        foreach (var k in new[] { 0, 1, 300 })
        {
            var c = Enumerable.Repeat(float.NaN, 13 * 35).ToArray();
            Gemm.Multiply(13, 35, k, new float[13 * k], k, false, new float[k * 35], 35, false, c, 35, accumulate: false);
            Assert.All(c, value => Assert.Equal(0f, value));
        }
    }

    [Fact]
    public void Multiply_PackedBefore_HasTheSameBits()
    {
        var random = new SeededRandom(6);
        var packed = new PackedMatrix();
        for (var trial = 0; trial < 100; trial++)
        {
            var problem = GemmProblem.Draw(random, Pick(random, Edges), Pick(random, Edges), Pick(random, Depths));
            packed.Pack(problem.K, problem.N, problem.B, problem.Ldb, problem.TransposeB); // the same memory again and again
            Assert.Equal(problem.Actual(), problem.ActualPacked(packed));
        }
    }

    [Fact]
    public void MultiplyParallel_AnyNumberOfThreads_HasTheSameBits()
    {
        var random = new SeededRandom(7);
        foreach (var threads in new[] { 1, 2, 3, 7 })
        {
            using var team = new ThreadTeam(threads);
            foreach (var (m, n, k) in new[] { (1000, 70, 129), (1, 4099, 300), (16, 704, 256), (257, 257, 257), (3, 5, 7), (50, 2000, 64) })
            {
                var problem = GemmProblem.Draw(random, m, n, k);
                var expected = problem.Actual();
                Assert.Equal(expected, problem.ActualParallel(team, problem.Packed()));
            }
        }
    }

    [Fact]
    public void Multiply_RowAloneOrAmongOthers_HasTheSameBits()
    {
        const int n = 45, k = 333;
        var random = new SeededRandom(8);
        var problem = GemmProblem.Draw(random, 61, n, k, transposeA: false, accumulate: false);
        var all = problem.Actual();
        var alone = new float[n];
        for (var row = 0; row < problem.M; row++)
        {
            Gemm.Multiply(
                1, n, k, problem.A.AsSpan(row * problem.Lda), problem.Lda, false, problem.B, problem.Ldb, problem.TransposeB,
                alone, n, false);
            Assert.Equal(all.AsSpan(row * problem.Ldc, n).ToArray(), alone);
        }
    }

    [Fact]
    public void Multiply_TooShortOperand_SaysWhich()
    {
        var error = Assert.Throws<ArgumentException>(
            () => Gemm.Multiply(4, 4, 4, new float[16], 4, false, new float[15], 4, false, new float[16], 4, false));
        Assert.StartsWith("b holds 15 floats, too few for [4, 4]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(
            () => Gemm.Multiply(4, 4, 4, new float[16], 3, false, new float[16], 4, false, new float[16], 4, false));
    }

    [Fact]
    public void MultiplyParallel_SteadyState_AllocatesNothing()
    {
        using var team = new ThreadTeam(1);
        var (a, b, c) = (new float[128 * 128], new float[128 * 128], new float[128 * 128]);
        var packed = PackedMatrix.From(128, 128, b, 128, false);
        Gemm.MultiplyParallel(team, 128, a, 128, false, packed, c, 128, false);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++) Gemm.MultiplyParallel(team, 128, a, 128, false, packed, c, 128, false);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static int Pick(SeededRandom random, int[] from) => from[random.NextInt32(from.Length)];
}
