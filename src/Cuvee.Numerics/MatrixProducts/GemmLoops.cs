using System.Runtime.CompilerServices;

namespace Cuvee.Numerics;

/// <summary>The blocked loops around one kernel (Goto and van de Geijn 2008): pack, then run tiles over the packed panels.</summary>
internal static unsafe class GemmLoops<TKernel>
    where TKernel : struct, IGemmKernel
{
    private const int CrowdingStride = 512; // floats
    private const int FewestPanels = 4; // that pay for packing rows of A

    /// <summary>B as the caller stores it, packed here block by block.</summary>
    public static void Multiply(
        int m, int n, int k, float* a, nint lda, bool transposeA, float* b, nint ldb, bool transposeB, float* c, nint ldc, bool accumulate)
    {
        var scratch = GemmScratch.Current;
        for (var j = 0; j < n; j += GemmBlocks.Columns)
        {
            var columns = Math.Min(GemmBlocks.Columns, n - j);
            for (int p = 0, depth; p < k; p += depth)
            {
                depth = NextDepth(k - p);
                PackB(
                    columns, depth, transposeB ? b + (j * ldb) + p : b + (p * ldb) + j, ldb, transposeB,
                    scratch.B, depth * TKernel.Columns);
                MultiplyBlock(
                    m, columns, depth, transposeA ? a + (p * lda) : a + p, lda, transposeA,
                    scratch.B, depth * TKernel.Columns, c + j, ldc, accumulate || p > 0, scratch);
            }
        }
    }

    /// <summary>B as panels [ceil(n / Columns), k, Columns].</summary>
    public static void MultiplyPacked(
        int m, int n, int k, float* a, nint lda, bool transposeA, float* panels, nint panelStride, float* c, nint ldc, bool accumulate)
    {
        var scratch = GemmScratch.Current;
        for (int p = 0, depth; p < k; p += depth)
        {
            depth = NextDepth(k - p);
            MultiplyBlock(
                m, n, depth, transposeA ? a + (p * lda) : a + p, lda, transposeA,
                panels + (p * TKernel.Columns), panelStride, c, ldc, accumulate || p > 0, scratch);
        }
    }

    /// <summary>Packs [k, columns] (or [columns, k] when <paramref name="transpose"/>) into panels.</summary>
    public static void PackB(int columns, int k, float* b, nint ldb, bool transpose, float* panels, nint panelStride)
    {
        for (var j = 0; j < columns; j += TKernel.Columns, panels += panelStride)
        {
            var lanes = Math.Min(TKernel.Columns, columns - j);
            if (transpose) PanelPacking.FromLanes(b + (j * ldb), ldb, lanes, k, panels, TKernel.Columns);
            else PanelPacking.FromRows(b + j, ldb, lanes, k, panels, TKernel.Columns);
        }
    }

    // Equal halves rather than a full block and a sliver.
    private static int NextDepth(int left) =>
        left <= GemmBlocks.Depth ? left : left >= 2 * GemmBlocks.Depth ? GemmBlocks.Depth : (left + 1) / 2;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyBlock(
        int m, int n, int k, float* a, nint lda, bool transposeA, float* panels, nint panelStride,
        float* c, nint ldc, bool load, GemmScratch scratch)
    {
        var tileColumns = TKernel.Columns;
        for (var i = 0; i < m; i += GemmBlocks.Rows)
        {
            var rows = Math.Min(GemmBlocks.Rows, m - i);
            var block = transposeA ? a + i : a + (i * lda);

            // Rows of A as stored run past the kernel well enough, unless they crowd into the same lines of L1; columns of A, and the
            // last rows that fill no tile, are packed first.
            var firstPacked = transposeA || (CrowdL1(lda) && n >= FewestPanels * tileColumns) ? 0 : FullRows(rows);
            PackA(rows - firstPacked, k, transposeA ? block : block + (firstPacked * lda), lda, transposeA, scratch.A);
            var panel = panels;
            for (var j = 0; j < n; j += tileColumns, panel += panelStride)
            {
                var columns = Math.Min(tileColumns, n - j);
                var packed = scratch.A;
                var to = c + (i * ldc) + j;
                for (int row = 0, height; row < rows; row += height, to += height * ldc)
                {
                    height = rows - row >= TKernel.TallRows ? TKernel.TallRows : TKernel.LowRows;
                    var stored = row < firstPacked;
                    var from = stored ? block + (row * lda) : packed;
                    var rowStride = stored ? lda : 1;
                    var step = stored ? 1 : height;
                    if (!stored) packed += height * k;
                    if (columns == tileColumns && row + height <= rows) Tile(height, k, from, rowStride, step, panel, to, ldc, load);
                    else EdgeTile(
                        height, Math.Min(height, rows - row), columns, k, from, rowStride, step, panel, to, ldc, load, scratch.Tile);
                }
            }
        }
    }

    // Rows a multiple of 2 KiB apart: a tile of them and a panel of B ask more of the same sets than an 8- or 12-way L1 has.
    private static bool CrowdL1(nint lda) => lda % CrowdingStride == 0;

    /// <summary>Rows covered by full tiles, tall ones first.</summary>
    private static int FullRows(int rows)
    {
        var tall = rows / TKernel.TallRows * TKernel.TallRows;
        return tall + ((rows - tall) / TKernel.LowRows * TKernel.LowRows);
    }

    // Tall panels while they are full, low panels for the rest.
    private static void PackA(int rows, int k, float* a, nint lda, bool transpose, float* packed)
    {
        for (int row = 0, width; row < rows; row += width)
        {
            width = rows - row >= TKernel.TallRows ? TKernel.TallRows : TKernel.LowRows;
            var lanes = Math.Min(width, rows - row);
            if (transpose) PanelPacking.FromRows(a + row, lda, lanes, k, packed, width);
            else PanelPacking.FromLanes(a + (row * lda), lda, lanes, k, packed, width);
            packed += width * k;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Tile(int height, int k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        if (height == TKernel.TallRows) TKernel.Tall(k, a, row, step, b, c, ldc, load);
        else TKernel.Low(k, a, row, step, b, c, ldc, load);
    }

    private static void EdgeTile(
        int height, int rows, int columns, int k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load, float* tile)
    {
        var width = TKernel.Columns;
        if (load) CopyTile(rows, columns, c, ldc, tile, width);
        Tile(height, k, a, row, step, b, tile, width, load);
        CopyTile(rows, columns, tile, width, c, ldc);
    }

    private static void CopyTile(int rows, int columns, float* from, nint fromStride, float* to, nint toStride)
    {
        for (var i = 0; i < rows; i++, from += fromStride, to += toStride)
            new ReadOnlySpan<float>(from, columns).CopyTo(new Span<float>(to, columns));
    }
}
