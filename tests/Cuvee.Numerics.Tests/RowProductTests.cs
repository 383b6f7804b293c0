namespace Cuvee.Numerics.Tests;

public class RowProductTests
{
    private static readonly int[] Columns = [16, 32, 48, 64, 80, 112, 128, 176, 256, 304];

    [Fact]
    public void Multiply_EdgeSizes_IsTheChainOverRisingK()
    {
        var random = new SeededRandom(3);
        foreach (var m in new[] { 0, 1, 2, 3, 4, 5, 7, 8, 9 })
        {
            foreach (var n in Columns)
            {
                foreach (var k in new[] { 0, 1, 2, 3, 17, 64, 129 })
                {
                    var problem = GemmProblem.Draw(random, m, n, k, transposeA: false, transposeB: false);
                    Assert.Equal(problem.Expected(), Actual(problem));
                }
            }
        }
    }

    [Fact]
    public void Multiply_AgainstDoubles_ErrsByAFewRoundingsPerTerm()
    {
        var random = new SeededRandom(5);
        foreach (var k in new[] { 1, 8, 256, 4096 })
        {
            var problem = GemmProblem.Draw(random, 5, 80, k, transposeA: false, transposeB: false);
            var actual = Actual(problem);
            foreach (var (index, exact, magnitude) in problem.ExactInDoubles())
                Assert.InRange(actual[index] - exact, -3e-7 * Math.Sqrt(k + 1) * magnitude, 3e-7 * Math.Sqrt(k + 1) * magnitude);
        }
    }

    [Fact]
    public void Multiply_WithoutAccumulation_DoesNotReadC()
    {
        foreach (var k in new[] { 0, 1, 30 })
        {
            var c = Enumerable.Repeat(float.NaN, 5 * 48).ToArray();
            RowProduct.Multiply(5, 48, k, new float[5 * k], k, new float[k * 48], 48, c, 48, accumulate: false);
            Assert.All(c, value => Assert.Equal(0f, value));
        }
    }

    [Fact]
    public void Multiply_WrongShapes_AreRefused()
    {
        Assert.Contains("multiple of 16", Refusal(n: 17, a: 6, b: 51, c: 34), StringComparison.Ordinal);
        Assert.StartsWith("a holds 5 floats", Refusal(n: 16, a: 5, b: 48, c: 32), StringComparison.Ordinal);
        Assert.StartsWith("b holds 47 floats", Refusal(n: 16, a: 6, b: 47, c: 32), StringComparison.Ordinal);
        Assert.StartsWith("c holds 31 floats", Refusal(n: 16, a: 6, b: 48, c: 31), StringComparison.Ordinal);
    }

    // Of [2, 3] * [3, n] in spans of so many floats.
    private static string Refusal(int n, int a, int b, int c) => Assert.ThrowsAny<ArgumentException>(
        () => RowProduct.Multiply(2, n, 3, new float[a], 3, new float[b], n, new float[c], n, accumulate: false)).Message;

    private static float[] Actual(GemmProblem problem)
    {
        var result = (float[])problem.C.Clone();
        RowProduct.Multiply(
            problem.M, problem.N, problem.K, problem.A, problem.Lda, problem.B, problem.Ldb, result, problem.Ldc, problem.Accumulate);
        return result;
    }
}
