
namespace Cuvee.Training;

/// <summary>What is trained: all weights, or LoRA factors on frozen ones.</summary>
internal interface ITrainingTarget
{
    IReadOnlyList<ParameterTensor> Parameters { get; }

    /// <summary>One per shard, in shard order.</summary>
    IReadOnlyList<IGradientSink> Sinks { get; }

    /// <summary>The weights that the next forward pass uses.</summary>
    DenseWeights Effective();
}
