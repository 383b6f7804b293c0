namespace Cuvee.Formats.Safetensors;

public static class SafetensorsWriter
{
    /// <summary>Writes to a temporary file beside <paramref name="path"/> and renames. Tensors are laid out in ordinal name order: same input, same bytes.</summary>
    public static void Write(
        string path, IEnumerable<TensorData> tensors, TensorType type, IReadOnlyDictionary<string, string>? metadata = null) =>
        throw new NotImplementedException();
}
