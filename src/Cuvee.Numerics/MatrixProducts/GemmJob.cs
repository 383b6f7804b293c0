using System.Collections.Concurrent;

namespace Cuvee.Numerics;

/// <summary>The arguments of one shared product, kept for reuse so that a product allocates nothing.</summary>
internal sealed unsafe class GemmJob
{
    /// <summary>Multiply-adds below which waking another thread costs more than it saves (about 10 microseconds of work).</summary>
    public const long SmallestShared = 1 << 20;

    private const int BlocksPerThread = 4; // enough for an even end when a thread is held up

    private static readonly ConcurrentQueue<GemmJob> Idle = new();

    private readonly Action<int> multiplyBlock;
    private int m, n, k, blockRows, blockColumns, columnBlocks;
    private float* a, c, panels;
    private nint lda, ldc;
    private bool transposeA, accumulate;

    private GemmJob()
    {
        multiplyBlock = MultiplyBlock;
    }

    public static GemmJob Rent() => Idle.TryDequeue(out var job) ? job : new GemmJob();

    public static void Return(GemmJob job) => Idle.Enqueue(job);

    public void Multiply(
        ThreadTeam team, int rows, float* left, nint leftStride, bool transposeLeft, PackedMatrix right, float* to, nint stride, bool add)
    {
        (m, n, k) = (rows, right.Columns, right.Rows);
        (lda, transposeA, ldc, accumulate) = (leftStride, transposeLeft, stride, add);
        a = left;
        panels = right.Panels;
        c = to;
        var tile = Gemm.TileRows;
        var width = Gemm.PanelColumns;
        var wanted = team.Threads * BlocksPerThread;
        blockRows = Math.Clamp(Ceiling(Ceiling(m, wanted), tile) * tile, 4 * tile, GemmBlocks.Rows);
        var rowBlocks = Ceiling(m, blockRows);
        var across = Math.Clamp(Ceiling(wanted, rowBlocks), 1, Ceiling(n, 2 * width));
        if (rowBlocks >= 2 * team.Threads) across = 1;
        blockColumns = Ceiling(Ceiling(n, width), across) * width;
        columnBlocks = Ceiling(n, blockColumns);
        team.Run(rowBlocks * columnBlocks, multiplyBlock);
        GC.KeepAlive(right);
    }

    private static int Ceiling(int x, int y) => (x + y - 1) / y;

    private void MultiplyBlock(int block)
    {
        var row = block / columnBlocks * blockRows;
        var column = block % columnBlocks * blockColumns;
        Gemm.MultiplyPacked(
            Math.Min(blockRows, m - row), Math.Min(blockColumns, n - column), k,
            transposeA ? a + row : a + (row * lda), lda, transposeA,
            panels + ((nint)column * k), c + (row * ldc) + column, ldc, accumulate);
    }
}
