using System.Text;

namespace Cuvee.Formats.Tests.Gguf;

/// <summary>Literal GGUF bytes, written from the format's description and not by the code under test.</summary>
internal sealed class GgufBytes
{
    private readonly List<byte> content = [];

    /// <summary>A whole file: version 3, the entries and tensors given, data behind the next multiple of 32.</summary>
    public static byte[] File(int entryCount, Action<GgufBytes> entries, int tensorCount, Action<GgufBytes> tensors, byte[] data)
    {
        var file = new GgufBytes().Raw("GGUF"u8).U32(3).U64((ulong)tensorCount).U64((ulong)entryCount);
        entries(file);
        tensors(file);
        file.Raw(new byte[(32 - (file.content.Count % 32)) % 32]);
        return file.Raw(data).ToArray();
    }

    public GgufBytes Raw(ReadOnlySpan<byte> bytes)
    {
        content.AddRange(bytes);
        return this;
    }

    public GgufBytes U32(uint value) => Raw(BitConverter.GetBytes(value));

    public GgufBytes U64(ulong value) => Raw(BitConverter.GetBytes(value));

    public GgufBytes Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return U64((ulong)bytes.Length).Raw(bytes);
    }

    /// <param name="dimensions">Columns first, as the format has them.</param>
    public GgufBytes Tensor(string name, uint type, ulong offset, params ulong[] dimensions)
    {
        Text(name).U32((uint)dimensions.Length);
        foreach (var dimension in dimensions) U64(dimension);
        return U32(type).U64(offset);
    }

    public byte[] ToArray() => [.. content];
}
