using System.Collections.Concurrent;

namespace Cuvee.Numerics;

/// <summary>The arguments of one shared <see cref="StoredProduct"/>, kept for reuse so that a product allocates nothing.</summary>
internal sealed unsafe class StoredProductJob
{
    private const int BlocksPerThread = 4; // enough for an even end when a thread is held up
    private const int RowMultiple = 16; // of y: a cache line belongs to one thread, and four rows of the weight stay together
    private const long SmallestBlock = 1 << 16; // bytes of weight or multiply-adds / 8: about 3 microseconds

    private static readonly ConcurrentQueue<StoredProductJob> Idle = new();

    private readonly Action<int> multiplyBlock;
    private StoredMatrix? weight;
    private int m, first, rows, blockRows;
    private float* x, y;
    private nint ldx, ldy;

    private StoredProductJob()
    {
        multiplyBlock = MultiplyBlock;
    }

    public static void Run(
        ThreadTeam team, int m, float* x, nint ldx, StoredMatrix weight, int firstRow, int rows, float* y, nint ldy)
    {
        var rowCost = Math.Max(weight.RowBytes, (long)m * weight.Columns / 8);
        var wanted = Math.Min((long)team.Threads * BlocksPerThread, rowCost * rows / SmallestBlock);
        var blockRows = wanted <= 1 ? rows : (int)(((rows / wanted) + RowMultiple - 1) / RowMultiple * RowMultiple);
        if (team.Threads == 1 || blockRows >= rows)
        {
            StoredProduct.Multiply(m, x, ldx, weight, firstRow, rows, y, ldy);
            return;
        }

        if (!Idle.TryDequeue(out var job)) job = new StoredProductJob();
        try
        {
            (job.m, job.first, job.rows, job.blockRows) = (m, firstRow, rows, blockRows);
            (job.ldx, job.ldy, job.weight) = (ldx, ldy, weight);
            job.x = x;
            job.y = y;
            team.Run((rows + blockRows - 1) / blockRows, job.multiplyBlock);
        }
        finally
        {
            job.weight = null;
            Idle.Enqueue(job);
        }
    }

    private void MultiplyBlock(int block)
    {
        var row = block * blockRows;
        StoredProduct.Multiply(m, x, ldx, weight!, first + row, Math.Min(blockRows, rows - row), y + row, ldy);
    }
}
