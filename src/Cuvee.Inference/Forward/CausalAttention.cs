using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// softmax(Q K^T) V per sequence and head, each query over the positions up to its own, or the last ones of a sliding window; grouped
/// queries share a key-value head. A query's bits depend on its own row and the keys before it only, not on the tile, the batch or whether
/// the keys were cached.
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
    private readonly FloatBuffer keyScratch = new(); // [headDim, capacity]
    private readonly FloatBuffer valueScratch = new(); // [capacity, paddedHeadDim]
    private readonly FloatBuffer scoreScratch = new(); // [TileRows, capacity]
    private readonly FloatBuffer outputScratch = new(); // [TileRows, paddedHeadDim]

    /// <param name="queries">
    /// [queryRows, heads * headDim], rotated and divided by sqrt(headDim); all rows of the batch or its output rows only.
    /// </param>
    /// <param name="keys">[rows, kvHeads * headDim], rotated.</param>
    /// <param name="values">[rows, kvHeads * headDim]</param>
    /// <param name="result">[queryRows, heads * headDim]</param>
    public void Run(int layer, TokenBatch batch, bool outputsOnly, float* queries, float* keys, float* values, float* result)
    {
        var capacity = KvCache.RoundUp(batch.LongestSequence);
        scoreScratch.Reserve(TileRows * capacity);
        outputScratch.Reserve(TileRows * paddedHeadDim);
        keyScratch.Reserve(headDim * capacity);
        valueScratch.Reserve(capacity * paddedHeadDim);
        var queryPositions = outputsOnly ? batch.OutputPositions : batch.Positions;
        foreach (ref readonly var segment in batch.Segments)
        {
            var firstQuery = outputsOnly ? segment.FirstOutput : segment.FirstRow;
            var positions = queryPositions.Slice(firstQuery, outputsOnly ? segment.Outputs : segment.Rows);
            for (var kvHead = 0; kvHead < kvHeads; kvHead++)
            {
                var head = segment.Cache?.Head(layer, kvHead)
                    ?? Scratch(segment.Past, layer, kvHead, KvCache.RoundUp(segment.PastLength + segment.Rows));
                var offset = (segment.FirstRow * (nint)keyWidth) + (kvHead * headDim);
                AppendKeys(keys + offset, segment.Rows, head, segment.PastLength);
                AppendValues(values + offset, segment.Rows, head, segment.PastLength);
                for (var member = 0; member < group; member++)
                {
                    var column = (firstQuery * (nint)queryWidth) + (((kvHead * group) + member) * headDim);
                    Attend(queries + column, positions, head, result + column);
                }
            }
        }
    }

    private KvHead Scratch(KvCache? past, int layer, int kvHead, int capacity)
    {
        var head = new KvHead(keyScratch.Pointer, valueScratch.Pointer, capacity);
        if (past is null) return head;
        var source = past.Head(layer, kvHead);
        for (var d = 0; d < headDim; d++)
            new ReadOnlySpan<float>(source.Keys + (d * (nint)source.Capacity), past.Length)
                .CopyTo(new Span<float>(head.Keys + (d * (nint)capacity), capacity));
        var floats = past.Length * paddedHeadDim;
        new ReadOnlySpan<float>(source.Values, floats).CopyTo(new Span<float>(head.Values, floats));
        return head;
    }

    private void AppendKeys(float* keys, int rows, KvHead head, int position)
    {
        for (var row = 0; row < rows; row++, keys += keyWidth)
        {
            var to = head.Keys + position + row;
            for (var d = 0; d < headDim; d++) to[d * (nint)head.Capacity] = keys[d];
        }
    }

    private void AppendValues(float* values, int rows, KvHead head, int position)
    {
        var to = head.Values + (position * (nint)paddedHeadDim);
        for (var row = 0; row < rows; row++, values += keyWidth, to += paddedHeadDim)
        {
            new ReadOnlySpan<float>(values, headDim).CopyTo(new Span<float>(to, headDim));
            new Span<float>(to + headDim, paddedHeadDim - headDim).Clear();
        }
    }

    private void Attend(float* queries, ReadOnlySpan<int> positions, KvHead head, float* result)
    {
        for (var row = 0; row < positions.Length; row += TileRows)
        {
            var tile = Math.Min(TileRows, positions.Length - row);
            var visible = positions[row + tile - 1] + 1; // keys that the tile's last query sees
            var width = KvCache.RoundUp(visible);
            RowProduct.Multiply(tile, width, headDim, queries, queryWidth, head.Keys, head.Capacity, scoreScratch.Pointer, width);
            for (var i = 0; i < tile; i++)
            {
                var scores = new Span<float>(scoreScratch.Pointer + (i * width), visible);
                var seen = positions[row + i] + 1;
                var first = Math.Max(0, seen - window);
                Softmax.Forward(scores[first..seen], scores[first..seen]);
                scores[..first].Clear();
                scores[seen..].Clear();
            }

            RowProduct.Multiply(
                tile, paddedHeadDim, visible, scoreScratch.Pointer, width, head.Values, paddedHeadDim,
                outputScratch.Pointer, paddedHeadDim);
            for (var i = 0; i < tile; i++)
                new ReadOnlySpan<float>(outputScratch.Pointer + (i * paddedHeadDim), headDim)
                    .CopyTo(new Span<float>(result + (i * (nint)queryWidth), headDim));
            queries += TileRows * queryWidth;
            result += TileRows * queryWidth;
        }
    }
}
