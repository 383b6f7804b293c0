namespace Cuvee.Training;

/// <summary>One trained array with its gradient.</summary>
/// <param name="Decay">Whether weight decay applies (matrices yes, norms and biases no).</param>
internal sealed record ParameterTensor(string Name, IReadOnlyList<int> Shape, float[] Values, bool Decay, float[] Gradient);
