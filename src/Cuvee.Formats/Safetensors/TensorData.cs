namespace Cuvee.Formats.Safetensors;

/// <summary>A named fp32 tensor in memory, row-major.</summary>
public sealed record TensorData(string Name, IReadOnlyList<int> Shape, float[] Values);
