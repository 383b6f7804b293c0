namespace Cuvee.Formats.Safetensors;

/// <summary>One header entry. <paramref name="Begin"/> and <paramref name="End"/> are byte offsets into the data buffer.</summary>
public sealed record TensorEntry(string Name, TensorType Type, IReadOnlyList<int> Shape, long Begin, long End)
{
    /// <summary>Number of elements: 1 for a 0-rank tensor, 0 when a dimension is 0.</summary>
    public long Count => (End - Begin) / Type.ByteSize();
}
