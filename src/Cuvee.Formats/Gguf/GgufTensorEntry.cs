using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>One tensor of a GGUF file.</summary>
/// <param name="Shape">Row-major as everywhere in Cuvee: the file lists it the other way round.</param>
/// <param name="Offset">Bytes from the beginning of the data section.</param>
public sealed record GgufTensorEntry(string Name, IReadOnlyList<int> Shape, StorageFormat Format, long Offset)
{
    public int Columns => Shape[^1];

    public int Rows => Shape.Take(Shape.Count - 1).Aggregate(1, (product, length) => checked(product * length));

    public long ByteCount => Rows * (long)Format.RowBytes(Columns);
}

/// <summary>ggml's numbers of the element types that Cuvee reads and writes.</summary>
internal static class GgmlTypes
{
    // Of those that are refused only what people meet.
    private static readonly Dictionary<uint, string> Names = new()
    {
        [0] = "F32",
        [1] = "F16",
        [8] = "Q8_0",
        [30] = "BF16",
        [2] = "Q4_0",
        [3] = "Q4_1",
        [6] = "Q5_0",
        [7] = "Q5_1",
        [10] = "Q2_K",
        [11] = "Q3_K",
        [12] = "Q4_K",
        [13] = "Q5_K",
        [14] = "Q6_K",
        [20] = "IQ4_NL",
        [23] = "IQ4_XS",
    };

    public static StorageFormat? Format(uint type) => type switch
    {
        0 => StorageFormat.F32,
        1 => StorageFormat.F16,
        8 => StorageFormat.Q80,
        30 => StorageFormat.BF16,
        _ => null,
    };

    public static uint Number(StorageFormat format) => format switch
    {
        StorageFormat.F32 => 0,
        StorageFormat.F16 => 1,
        StorageFormat.Q80 => 8,
        _ => 30,
    };

    public static string Name(uint type) => Names.GetValueOrDefault(type, $"ggml type {type}");
}
