namespace Cuvee.Numerics;

/// <summary>
/// C[m,n] = A[m,k] * B[k,n] (plus C when accumulating), fp32, row-major with leading dimensions.
/// Every element of C is one chain of fused multiply-adds over k in rising order, blocked by k only: a row's result has the same bits
/// whatever m, n, its position and the number of threads.
/// </summary>
public static class Gemm
{
    /// <summary>Runs on the calling thread only.</summary>
    /// <param name="a">[m,k], or [k,m] when <paramref name="transposeA"/>; <paramref name="lda"/> floats between rows as stored.</param>
    /// <param name="b">[k,n], or [n,k] when <paramref name="transposeB"/> (the layout of a Hugging Face weight [out,in]).</param>
    public static void Multiply(
        int m, int n, int k,
        ReadOnlySpan<float> a, int lda, bool transposeA,
        ReadOnlySpan<float> b, int ldb, bool transposeB,
        Span<float> c, int ldc, bool accumulate)
    {
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = accumulate ? c[(i * ldc) + j] : 0f;
                for (var p = 0; p < k; p++)
                {
                    var x = transposeA ? a[(p * lda) + i] : a[(i * lda) + p];
                    var y = transposeB ? b[(j * ldb) + p] : b[(p * ldb) + j];
                    sum = MathF.FusedMultiplyAdd(x, y, sum);
                }

                c[(i * ldc) + j] = sum;
            }
        }
    }
}
