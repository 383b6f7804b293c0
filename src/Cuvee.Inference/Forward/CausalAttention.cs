using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// softmax(Q K^T) V per sequence and head, each query over the positions up to its own, or the last ones of a sliding window; grouped
/// queries share a key-value head. A query's bits depend on its own row and the keys before it only, not on the tile, the batch, or whether
/// the first keys lie in a shared prefix.
/// </summary>
internal sealed unsafe class CausalAttention(LlamaConfig config)
{
    private const int TileRows = 4;

    private readonly int headDim = config.HeadDim;
    private readonly int paddedHeadDim = KvCache.RoundUp(config.HeadDim);
    private readonly int kvHeads = config.NumKeyValueHeads;
    private readonly int group = config.NumAttentionHeads / config.NumKeyValueHeads;
    private readonly int queryWidth = config.NumAttentionHeads * config.HeadDim;
    private readonly int keyWidth = config.NumKeyValueHeads * config.HeadDim;
    private readonly int window = config.SlidingWindow ?? int.MaxValue;
    private readonly FloatBuffer scoreScratch = new(); // [TileRows, ScoreWidth]
    private readonly FloatBuffer outputScratch = new(); // [TileRows, paddedHeadDim]

    /// <summary>Puts the rows' keys and values into their cache.</summary>
    /// <param name="keys">[rows, kvHeads * headDim], rotated.</param>
    /// <param name="values">[rows, kvHeads * headDim]</param>
    public void Append(int layer, CachedRows rows, float* keys, float* values)
    {
        for (var kvHead = 0; kvHead < kvHeads; kvHead++)
        {
            var head = rows.Cache.Head(layer, kvHead);
            AppendKeys(keys + (kvHead * headDim), rows.Count, head, rows.FirstPosition - rows.PrefixLength);
            AppendValues(values + (kvHead * headDim), rows.Count, head, rows.FirstPosition - rows.PrefixLength);
        }
    }

    /// <summary>Attends the rows' queries under one key-value head; keys and values up to the last row are in the caches.</summary>
    /// <param name="queries">[rows, heads * headDim], rotated and divided by sqrt(headDim).</param>
    /// <param name="result">[rows, heads * headDim]</param>
    public void Attend(int layer, CachedRows rows, int kvHead, float* queries, float* result)
    {
        scoreScratch.Reserve(TileRows * (long)ScoreWidth(rows.PrefixLength, rows.FirstPosition + rows.Count));
        outputScratch.Reserve(TileRows * paddedHeadDim);
        var own = rows.Cache.Head(layer, kvHead);
        var prefix = rows.Prefix?.Head(layer, kvHead) ?? default;
        for (var member = 0; member < group; member++)
        {
            var column = ((kvHead * group) + member) * headDim;
            for (var row = 0; row < rows.Count; row += TileRows)
            {
                var offset = (row * (nint)queryWidth) + column;
                AttendTile(
                    queries + offset, Math.Min(TileRows, rows.Count - row), rows.FirstPosition + row, rows.PrefixLength, prefix, own,
                    result + offset);
            }
        }
    }

    private void AttendTile(float* queries, int rows, int firstPosition, int prefixLength, KvHead prefix, KvHead own, float* result)
    {
        var visible = firstPosition + rows; // keys that the tile's last query sees
        var ownVisible = visible - prefixLength;
        var ownWidth = KvCache.RoundUp(ownVisible);
        var width = ScoreWidth(prefixLength, visible);
        var scores = scoreScratch.Pointer;
        // The prefix's last vector runs into the own part, which is written after it.
        if (prefixLength > 0)
            Multiply(rows, KvCache.RoundUp(prefixLength), headDim, queries, queryWidth, prefix.Keys, prefix.Capacity, scores, width, false);
        Multiply(rows, ownWidth, headDim, queries, queryWidth, own.Keys, own.Capacity, scores + prefixLength, width, false);
        for (var i = 0; i < rows; i++)
        {
            var row = new Span<float>(scores + (i * (nint)width), visible);
            var seen = firstPosition + i + 1;
            var first = Math.Max(0, seen - window);
            Softmax.Forward(row[first..seen], row[first..seen]);
            row[..first].Clear();
            row[seen..].Clear();
        }

        var output = outputScratch.Pointer;
        if (prefixLength > 0)
            Multiply(rows, paddedHeadDim, prefixLength, scores, width, prefix.Values, paddedHeadDim, output, paddedHeadDim, false);
        Multiply(
            rows, paddedHeadDim, ownVisible, scores + prefixLength, width, own.Values, paddedHeadDim, output, paddedHeadDim,
            prefixLength > 0);
        for (var i = 0; i < rows; i++)
            new ReadOnlySpan<float>(output + (i * paddedHeadDim),
                headDim).CopyTo(new Span<float>(result + (i * (nint)queryWidth), headDim));
    }

    // C[m, n] (+)= A[m, k] * B[k, n]
    private static void Multiply(int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, bool accumulate) =>
        RowProduct.Multiply(
            m, n, k, new ReadOnlySpan<float>(a, checked(((m - 1) * lda) + k)), lda,
            new ReadOnlySpan<float>(b, checked(((k - 1) * ldb) + n)), ldb, new Span<float>(c, checked(((m - 1) * ldc) + n)), ldc,
            accumulate);

    private static int ScoreWidth(int prefixLength, int visible) =>
        prefixLength + KvCache.RoundUp(visible - prefixLength) + (prefixLength > 0 ? KvCache.Lanes : 0);

    private void AppendKeys(float* keys, int rows, KvHead head, int position) => Transposition.Copy(
        rows, headDim, new ReadOnlySpan<float>(keys, checked(((rows - 1) * keyWidth) + headDim)), keyWidth,
        new Span<float>(head.Keys + position, checked(((headDim - 1) * head.Capacity) + rows)), head.Capacity);

    private void AppendValues(float* values, int rows, KvHead head, int position)
    {
        var to = head.Values + (position * (nint)paddedHeadDim);
        for (var row = 0; row < rows; row++, values += keyWidth, to += paddedHeadDim)
        {
            new ReadOnlySpan<float>(values, headDim).CopyTo(new Span<float>(to, headDim));
            new Span<float>(to + headDim, paddedHeadDim - headDim).Clear();
        }
    }
}

/// <summary>Consecutive new positions of one sequence and where its keys and values lie.</summary>
/// <param name="Prefix">Holds the first <paramref name="PrefixLength"/> positions, <paramref name="Cache"/> those after them; null for
/// none.</param>
internal readonly record struct CachedRows(KvCache Cache, KvCache? Prefix, int PrefixLength, int FirstPosition, int Count);
