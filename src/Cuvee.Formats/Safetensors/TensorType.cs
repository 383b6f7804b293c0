namespace Cuvee.Formats.Safetensors;

/// <summary>Element types that Cuvee reads and writes; every other safetensors dtype is refused by name.</summary>
public enum TensorType
{
    F32,
    BF16,
    F16,
    F64,
}

public static class TensorTypeExtensions
{
    /// <summary>Bytes per element.</summary>
    public static int ByteSize(this TensorType type) => type switch
    {
        TensorType.F64 => 8,
        TensorType.F32 => 4,
        _ => 2,
    };
}
