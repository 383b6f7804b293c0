using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Forward;

namespace Cuvee.Inference;

/// <summary>Anonymous memory that the engine takes, forecast from shapes; stored weights stay in their mapped files and do not
/// count.</summary>
public static class EngineMemory
{
    /// <param name="tokens">Scored at a time, prompts included.</param>
    /// <param name="generates">Answers are generated too: a candidate's copy and the keys and values of its sequences.</param>
    /// <param name="threads">Null means one per processor.</param>
    /// <returns>Bytes.</returns>
    public static long Forecast(LlamaConfig config, double tokens, bool generates, int? threads)
    {
        ArgumentNullException.ThrowIfNull(config);
        var layer = config.LinearModules.Sum(module => (long)module.OutFeatures * module.InFeatures);
        var weights = 2 * (layer + LogitHead.BlockFloats(config));
        var rowFloats = (2L * config.HiddenSize) + (2L * Math.Max(config.IntermediateSize, config.NumAttentionHeads * config.HeadDim));
        var buffers = (threads ?? Environment.ProcessorCount) * (SamplePass.LargestChunk(config) * rowFloats);
        var sample = (long)Math.Min(ScoringPlan.SliceBytes, tokens * ScoringPlan.RowBytes(config));
        var copy = generates ? CandidateCopy.Bytes(config) + (Decoder.CacheBytes / 2) : 0;
        return (sizeof(float) * (weights + buffers)) + sample + copy;
    }

    /// <summary>What candidates near each other start from (<see cref="EmbeddedModel.FoldCenterAsync"/>), in bytes.</summary>
    public static long CenterBytes(LlamaConfig config) => LlamaEngine.HoldsCenter(config) ? CandidateCopy.Bytes(config) : 0;
}
