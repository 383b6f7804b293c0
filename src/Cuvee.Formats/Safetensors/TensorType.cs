namespace Cuvee.Formats.Safetensors;

/// <summary>Element types that Cuvee reads and writes, and whole numbers, which merges of whole checkpoints copy; every other safetensors
/// dtype is refused by name.</summary>
public enum TensorType
{
    F32,
    BF16,
    F16,
    F64,
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
}

public static class TensorTypeExtensions
{
    /// <summary>Whether values are read and written as fp32; whole numbers are not.</summary>
    public static bool IsFloat(this TensorType type) => type <= TensorType.F64;

    /// <summary>As a safetensors header has it.</summary>
    public static string DtypeName(this TensorType type) => type.ToString().ToUpperInvariant();

    /// <summary>Bytes per element.</summary>
    public static int ByteSize(this TensorType type) => type switch
    {
        TensorType.F64 or TensorType.U64 or TensorType.I64 => 8,
        TensorType.F32 or TensorType.U32 or TensorType.I32 => 4,
        TensorType.Bool or TensorType.U8 or TensorType.I8 => 1,
        _ => 2,
    };
}
