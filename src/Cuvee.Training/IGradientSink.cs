namespace Cuvee.Training;

/// <summary>
/// Receives the backward pass's by-products and turns them into parameter gradients, adding to what it holds. One sink per shard;
/// never shared between threads.
/// </summary>
internal interface IGradientSink
{
    /// <summary>False lets the pass stop at the first block's linears: nothing below them is trained.</summary>
    bool WantsEmbeddings { get; }

    /// <param name="linear">Index into <c>LlamaConfig.LinearModules</c>.</param>
    /// <param name="input">[rows, in]</param>
    /// <param name="outputGradient">[rows, out]</param>
    void AddLinear(int layer, int linear, int rows, ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient);

    /// <summary>
    /// Gradient buffer of one norm weight [hidden], or empty when norms are frozen. Layer index equal to the layer count is the final norm.
    /// </summary>
    Span<float> NormGradient(int layer, bool postAttention);

    /// <param name="hidden">[rows, hidden] final hidden states.</param>
    /// <param name="logitsGradient">[rows, vocab]</param>
    void AddHead(int rows, ReadOnlySpan<float> hidden, ReadOnlySpan<float> logitsGradient);

    /// <param name="inputGradient">[tokens, hidden]</param>
    void AddEmbedding(ReadOnlySpan<int> tokens, ReadOnlySpan<float> inputGradient);
}
