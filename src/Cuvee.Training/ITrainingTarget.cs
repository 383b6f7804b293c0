
namespace Cuvee.Training;

/// <summary>What is trained: all weights, or LoRA factors on frozen ones.</summary>
internal interface ITrainingTarget
{
    IReadOnlyList<ParameterTensor> Parameters { get; }

    IGradientSink Sink { get; }

    /// <summary>The weights that the next forward pass uses.</summary>
    DenseWeights Effective();
}
