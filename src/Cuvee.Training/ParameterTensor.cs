namespace Cuvee.Training;

/// <summary>One trained array with one gradient buffer per shard.</summary>
/// <param name="Decay">Whether weight decay applies (matrices yes, norms no).</param>
internal sealed record ParameterTensor(string Name, IReadOnlyList<int> Shape, float[] Values, bool Decay, IReadOnlyList<float[]> Gradients);
