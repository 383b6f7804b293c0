using System.Buffers.Binary;
using System.Text;

namespace Cuvee.Formats.Tests.Safetensors;

/// <summary>Files put together by hand, not by the writer under test.</summary>
internal static class SafetensorsBytes
{
    public static byte[] Of(string header, params byte[] buffer) => Of(Encoding.UTF8.GetBytes(header), buffer);

    public static byte[] Of(byte[] header, byte[] buffer)
    {
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        return [.. prefix, .. header, .. buffer];
    }

    /// <summary>One tensor named t.</summary>
    public static string Entry(string type, string shape, long begin, long end) =>
        $$$"""{"t":{"dtype":"{{{type}}}","shape":{{{shape}}},"data_offsets":[{{{begin}}},{{{end}}}]}}""";
}
