
namespace Cuvee.Training;

/// <summary>Trains every weight in place.</summary>
internal sealed class FullTarget : ITrainingTarget
{
    private readonly DenseWeights weights;

    public FullTarget(DenseWeights weights, int shards)
    {
        this.weights = weights;
        var gradients = Enumerable.Range(0, shards).Select(_ => DenseWeights.ZerosLike(weights)).ToArray();
        Sinks = [.. gradients.Select(g => new FullGradients(g))];
        var perShard = gradients.Select(g => g.ToTensors().ToDictionary(t => t.Name, t => t.Values)).ToArray();
        Parameters = [.. weights.ToTensors().Select(t => new ParameterTensor(
            t.Name, t.Shape, t.Values, t.Shape.Count > 1, [.. perShard.Select(g => g[t.Name])]))];
    }

    public IReadOnlyList<ParameterTensor> Parameters { get; }

    public IReadOnlyList<IGradientSink> Sinks { get; }

    public DenseWeights Effective() => weights;
}
