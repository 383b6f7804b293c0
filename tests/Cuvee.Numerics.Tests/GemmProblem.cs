namespace Cuvee.Numerics.Tests;

/// <summary>One product with leading dimensions beyond its rows, and NaN wherever nobody may read or write.</summary>
internal sealed record GemmProblem(
    int M, int N, int K, float[] A, int Lda, bool TransposeA, float[] B, int Ldb, bool TransposeB, float[] C, int Ldc, bool Accumulate)
{
    public static GemmProblem Draw(
        SeededRandom random, int m, int n, int k, bool? transposeA = null, bool? accumulate = null, bool? transposeB = null)
    {
        var ta = transposeA ?? random.NextInt32(2) == 1;
        var tb = transposeB ?? random.NextInt32(2) == 1;
        var (a, lda) = Matrix(random, ta ? k : m, ta ? m : k);
        var (b, ldb) = Matrix(random, tb ? n : k, tb ? k : n);
        var (c, ldc) = Matrix(random, m, n);
        return new GemmProblem(m, n, k, a, lda, ta, b, ldb, tb, c, ldc, accumulate ?? random.NextInt32(2) == 1);
    }

    /// <summary>The contract, element by element: one chain of multiply-adds over rising k.</summary>
    public float[] Expected()
    {
        var fused = Gemm.InstructionSet.StartsWith("AVX", StringComparison.Ordinal) || System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported;
        var result = (float[])C.Clone();
        for (var i = 0; i < M; i++)
        {
            for (var j = 0; j < N; j++)
            {
                var sum = Accumulate ? C[(i * Ldc) + j] : 0f;
                for (var p = 0; p < K; p++) sum = fused ? MathF.FusedMultiplyAdd(X(i, p), Y(p, j), sum) : (X(i, p) * Y(p, j)) + sum;
                result[(i * Ldc) + j] = sum;
            }
        }

        return result;
    }

    /// <summary>Index in C, the exact element and the root of the sum of its squared terms.</summary>
    public IEnumerable<(int Index, double Exact, double Magnitude)> ExactInDoubles()
    {
        for (var i = 0; i < M; i++)
        {
            for (var j = 0; j < N; j++)
            {
                var sum = Accumulate ? (double)C[(i * Ldc) + j] : 0;
                var squares = sum * sum;
                for (var p = 0; p < K; p++)
                {
                    var term = (double)X(i, p) * Y(p, j);
                    sum += term;
                    squares += term * term;
                }

                yield return ((i * Ldc) + j, sum, Math.Sqrt(squares));
            }
        }
    }

    public float[] Actual()
    {
        var result = (float[])C.Clone();
        Gemm.Multiply(M, N, K, A, Lda, TransposeA, B, Ldb, TransposeB, result, Ldc, Accumulate);
        return result;
    }

    public PackedMatrix Packed() => PackedMatrix.From(K, N, B, Ldb, TransposeB);

    public float[] ActualPacked(PackedMatrix packed)
    {
        var result = (float[])C.Clone();
        Gemm.Multiply(M, A, Lda, TransposeA, packed, result, Ldc, Accumulate);
        return result;
    }

    public float[] ActualParallel(ThreadTeam team, PackedMatrix packed)
    {
        var result = (float[])C.Clone();
        Gemm.MultiplyParallel(team, M, A, Lda, TransposeA, packed, result, Ldc, Accumulate);
        return result;
    }

    private float X(int i, int p) => TransposeA ? A[(p * Lda) + i] : A[(i * Lda) + p];

    private float Y(int p, int j) => TransposeB ? B[(j * Ldb) + p] : B[(p * Ldb) + j];

    private static (float[] Values, int Stride) Matrix(SeededRandom random, int rows, int columns)
    {
        var stride = columns + random.NextInt32(4);
        var values = new float[rows * stride];
        Array.Fill(values, float.NaN);
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++) values[(i * stride) + j] = (float)random.NextGaussian();
        return (values, stride);
    }
}
