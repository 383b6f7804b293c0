using System.Text;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>A tensor to write.</summary>
/// <param name="Format">What its rows are rounded to, to nearest with ties to even.</param>
public sealed record GgufTensor(TensorSource Source, StorageFormat Format);

/// <summary>Writes GGUF files, version 3, aligned to 32 bytes: same input, same bytes.</summary>
public static class GgufWriter
{
    // Elements formed at a time, at least one row.
    private const int Chunk = 1 << 16;

    // The largest magnitude that rounds to a finite fp16.
    private const float LargestHalf = 65519.996f;

    /// <summary>Writes to a temporary file beside <paramref name="path"/> and renames.</summary>
    /// <param name="tensors">In the order of the file; names distinct and at most 63 bytes; Q8_0 rows are whole blocks of 32.</param>
    /// <exception cref="BadInputException">A value is NaN or infinite, or too large for its format; nothing is written.</exception>
    public static void Write(string path, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(tensors);
        AtomicFile.Write(path, stream =>
        {
            using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
            var entries = WriteHeader(writer, metadata, tensors);
            Pad(writer);
            foreach (var (tensor, entry) in tensors.Zip(entries))
            {
                WriteRows(writer, path, tensor.Source, entry);
                Pad(writer);
            }
        });
    }

    private static List<GgufTensorEntry> WriteHeader(BinaryWriter writer, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        var values = metadata.Entries.ToList();
        writer.Write(GgufHeader.Magic);
        writer.Write(GgufHeader.Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)values.Count);
        foreach (var (key, value) in values)
        {
            WriteText(writer, key);
            WriteValue(writer, value);
        }

        var entries = new List<GgufTensorEntry>(tensors.Count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var offset = 0L;
        foreach (var (source, format) in tensors)
        {
            if (!names.Add(source.Name)) throw new ArgumentException($"Two tensors are named '{source.Name}'.", nameof(tensors));
            if (Encoding.UTF8.GetByteCount(source.Name) > GgufHeader.MaxNameBytes)
                throw new ArgumentException($"The name '{source.Name}' is too long for a GGUF file.", nameof(tensors));
            var entry = new GgufTensorEntry(source.Name, source.Shape, format, offset);
            entries.Add(entry);
            offset = GgufHeader.Aligned(checked(offset + entry.ByteCount), GgufHeader.DefaultAlignment);
            WriteText(writer, entry.Name);
            writer.Write((uint)entry.Shape.Count);
            foreach (var length in entry.Shape.Reverse()) writer.Write((ulong)length);
            writer.Write(GgmlTypes.Number(format));
            writer.Write((ulong)entry.Offset);
        }

        return entries;
    }

    private static void WriteValue(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case uint number:
                writer.Write(4u);
                writer.Write(number);
                break;
            case float number:
                writer.Write(6u);
                writer.Write(number);
                break;
            case bool flag:
                writer.Write(7u);
                writer.Write(flag);
                break;
            case string text:
                writer.Write(8u);
                WriteText(writer, text);
                break;
            case int[] list:
                WriteList(writer, 5, list.Length);
                foreach (var number in list) writer.Write(number);
                break;
            case float[] list:
                WriteList(writer, 6, list.Length);
                foreach (var number in list) writer.Write(number);
                break;
            case string[] list:
                WriteList(writer, 8, list.Length);
                foreach (var text in list) WriteText(writer, text);
                break;
            default:
                throw new ArgumentException($"A value of type {value.GetType().Name} is none that Cuvee writes.", nameof(value));
        }
    }

    private static void WriteList(BinaryWriter writer, uint type, int length)
    {
        writer.Write(9u);
        writer.Write(type);
        writer.Write((ulong)length);
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void WriteRows(BinaryWriter writer, string path, TensorSource source, GgufTensorEntry entry)
    {
        var (rows, columns) = (entry.Rows, entry.Columns);
        var atOnce = Math.Clamp(Chunk / columns, 1, rows);
        var values = new float[checked(atOnce * columns)]; // [atOnce, columns]
        var bytes = new byte[checked(atOnce * (int)entry.Format.RowBytes(columns))];
        for (var first = 0; first < rows; first += atOnce)
        {
            var count = Math.Min(atOnce, rows - first);
            var chunk = values.AsSpan(0, count * columns);
            source.Fill(first, values.AsMemory(0, count * columns));
            Check(path, entry, first, chunk);
            var encoded = bytes.AsSpan(0, count * (int)entry.Format.RowBytes(columns));
            entry.Format.Narrow(chunk, encoded);
            writer.Write(encoded);
        }
    }

    private static void Check(string path, GgufTensorEntry entry, int firstRow, ReadOnlySpan<float> values)
    {
        var index = ElementConversion.IndexOfNotFinite(values);
        if (index >= 0)
        {
            throw new BadInputException(
                $"{path}: tensor '{entry.Name}' would hold NaN or infinity in row {firstRow + (index / entry.Columns)}; it is not written.");
        }

        var largest = entry.Format switch
        {
            StorageFormat.F16 => LargestHalf,
            StorageFormat.Q80 => LargestHalf * sbyte.MaxValue, // a block's scale is fp16
            StorageFormat.BF16 => BitConverter.UInt32BitsToSingle(0x7F7F_7FFF),
            _ => float.MaxValue,
        };
        for (var i = 0; i < values.Length; i++)
        {
            if (Math.Abs(values[i]) <= largest) continue;
            throw new BadInputException(
                $"{path}: tensor '{entry.Name}' holds {values[i]:R} in row {firstRow + (i / entry.Columns)}, too large for " +
                $"{GgmlTypes.Name(GgmlTypes.Number(entry.Format))}; write F32.");
        }
    }

    private static void Pad(BinaryWriter writer)
    {
        writer.Flush();
        var position = writer.BaseStream.Position;
        writer.Write(new byte[GgufHeader.Aligned(position, GgufHeader.DefaultAlignment) - position]);
    }
}
