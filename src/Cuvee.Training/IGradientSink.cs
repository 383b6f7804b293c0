namespace Cuvee.Training;

/// <summary>Receives the backward pass's by-products and turns them into parameter gradients, adding to what it holds.</summary>
internal interface IGradientSink
{
    /// <summary>False lets the pass stop at the first block's linears: nothing below them is trained.</summary>
    bool WantsEmbeddings { get; }

    /// <param name="linear">Index into <c>LlamaConfig.LinearModules</c>.</param>
    /// <param name="input">[rows, in]</param>
    /// <param name="outputGradient">[rows, out]</param>
    void AddLinear(int layer, int linear, int rows, float[] input, float[] outputGradient);

    /// <summary>Gradient buffer of one norm's weight, or null when norms are frozen.</summary>
    /// <param name="layer">The number of layers stands for the final norm.</param>
    /// <param name="norm">Index into <c>LlamaConfig.Norms</c>; 0 for the final norm.</param>
    float[]? NormGradient(int layer, int norm);

    /// <param name="states">[rows, hidden], normed.</param>
    /// <param name="logitsGradient">[rows, vocab]</param>
    void AddHead(int rows, ReadOnlyMemory<float> states, float[] logitsGradient);

    /// <param name="inputGradient">[tokens, hidden]</param>
    void AddEmbedding(ReadOnlyMemory<int> tokens, float[] inputGradient);
}
