namespace Cuvee.Training;

/// <summary>What one block's backward pass needs of its forward pass; buffers only grow.</summary>
internal sealed class BlockActivations
{
    public float[] Input = [];          // [rows, hidden] residual stream before the block
    public float[] InputNormed = [];    // [rows, hidden]
    public float[] InputScale = [];     // [rows] 1 / rms
    public float[] Query = [];          // [rows, heads * headDim] after RoPE
    public float[] Key = [];            // [rows, kvHeads * headDim] after RoPE
    public float[] Value = [];          // [rows, kvHeads * headDim]
    public float[] Probabilities = [];  // per sequence of n tokens: [heads, n, n]
    public float[] Attention = [];      // [rows, heads * headDim]
    public float[] Middle = [];         // [rows, hidden] residual stream after attention
    public float[] MiddleNormed = [];   // [rows, hidden]
    public float[] MiddleScale = [];    // [rows]
    public float[] Gate = [];           // [rows, ffn]
    public float[] Up = [];             // [rows, ffn]
    public float[] Activated = [];      // [rows, ffn] silu(gate) * up
}
