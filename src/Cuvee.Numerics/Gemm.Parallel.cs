namespace Cuvee.Numerics;

public static unsafe partial class Gemm
{
    /// <summary>
    /// <see cref="Multiply(int, ReadOnlySpan{float}, int, bool, PackedMatrix, Span{float}, int, bool)"/> shared among the threads of
    /// <paramref name="team"/>: the same bits for any number of them.
    /// </summary>
    public static void MultiplyParallel(
        ThreadTeam team, int m, ReadOnlySpan<float> a, int lda, bool transposeA, PackedMatrix b, Span<float> c, int ldc, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(team);
        ArgumentNullException.ThrowIfNull(b);
        var (n, k) = (b.Columns, b.Rows);
        if (team.Threads == 1 || m == 0 || n == 0 || k == 0 || (long)m * n * k < GemmJob.SmallestShared)
        {
            Multiply(m, a, lda, transposeA, b, c, ldc, accumulate);
            return;
        }

        CheckC(m, n, k, c.Length, ldc);
        CheckOperand(transposeA ? k : m, transposeA ? m : k, a.Length, lda, nameof(a));
        var job = GemmJob.Rent();
        try
        {
            fixed (float* pa = a, pc = c) job.Multiply(team, m, pa, lda, transposeA, b, pc, ldc, accumulate);
        }
        finally
        {
            GemmJob.Return(job);
        }
    }
}
