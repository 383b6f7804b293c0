using Cuvee.Formats.HuggingFace;

namespace Cuvee.Training;

/// <summary>What one block's backward pass needs of its forward pass; buffers only grow.</summary>
internal sealed class BlockActivations
{
    public float[] Input = [];          // [rows, hidden] residual stream before the block
    public float[] InputNormed = [];    // [rows, hidden]
    public float[] QueryProjected = []; // [rows, heads * headDim] before its norm, where the family has one
    public float[] KeyProjected = [];   // [rows, kvHeads * headDim] before its norm
    public float[] Query = [];          // [rows, heads * headDim] rotated and divided by sqrt(headDim)
    public float[] Key = [];            // [rows, kvHeads * headDim] rotated
    public float[] Value = [];          // [rows, kvHeads * headDim]
    public float[] Probabilities = [];  // per sequence of n tokens: [heads, n, n]
    public float[] Attention = [];      // [rows, heads * headDim]
    public float[] Middle = [];         // [rows, hidden] residual stream after attention
    public float[] MiddleNormed = [];   // [rows, hidden]
    public float[] Gate = [];           // [rows, ffn]
    public float[] Up = [];             // [rows, ffn]
    public float[] Activated = [];      // [rows, ffn] silu(gate) * up

    public void Reserve(LlamaConfig config, BatchRows batch)
    {
        var rows = batch.Rows;
        var (queryWidth, keyWidth) = (config.NumAttentionHeads * config.HeadDim, config.NumKeyValueHeads * config.HeadDim);
        var (hiddens, gates) = (checked(rows * config.HiddenSize), checked(rows * config.IntermediateSize));
        var (queries, keys) = (checked(rows * queryWidth), checked(rows * keyWidth));
        BatchRows.Grow(ref Input, hiddens);
        BatchRows.Grow(ref InputNormed, hiddens);
        if (config.Family.HasQkNorm)
        {
            BatchRows.Grow(ref QueryProjected, queries);
            BatchRows.Grow(ref KeyProjected, keys);
        }

        BatchRows.Grow(ref Query, queries);
        BatchRows.Grow(ref Key, keys);
        BatchRows.Grow(ref Value, keys);
        BatchRows.Grow(ref Probabilities, batch.Probabilities);
        BatchRows.Grow(ref Attention, queries);
        BatchRows.Grow(ref Middle, hiddens);
        BatchRows.Grow(ref MiddleNormed, hiddens);
        BatchRows.Grow(ref Gate, gates);
        BatchRows.Grow(ref Up, gates);
        BatchRows.Grow(ref Activated, gates);
    }
}
