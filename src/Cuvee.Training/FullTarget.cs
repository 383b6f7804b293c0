
namespace Cuvee.Training;

/// <summary>Trains every weight in place.</summary>
internal sealed class FullTarget : ITrainingTarget
{
    private readonly DenseWeights weights;

    public FullTarget(DenseWeights weights, SharedWork work)
    {
        this.weights = weights;
        var gradients = DenseWeights.ZerosLike(weights);
        Sink = new FullGradients(gradients, work);
        Parameters = [.. weights.ToTensors().Zip(gradients.ToTensors(), (value, gradient) => new ParameterTensor(
            value.Name, value.Shape, value.Values, value.Shape.Count > 1, gradient.Values))];
    }

    public IReadOnlyList<ParameterTensor> Parameters { get; }

    public IGradientSink Sink { get; }

    public DenseWeights Effective() => weights;
}
