namespace Cuvee.Formats.Safetensors;

/// <summary>Element types that Cuvee reads and writes; every other safetensors dtype is refused by name.</summary>
public enum TensorType
{
    F32,
    BF16,
    F16,
    F64,
}
