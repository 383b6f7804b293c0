using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cuvee.Formats.Safetensors;

public static class SafetensorsWriter
{
    // Elements formed and converted at a time, at least one row.
    private const int Chunk = 1 << 20;

    /// <summary>
    /// Writes to a temporary file beside <paramref name="path"/> and renames. Tensors are laid out in ordinal name order: same input, same
    /// bytes.
    /// </summary>
    /// <param name="tensors">Distinct names other than <c>__metadata__</c>, each value finite; narrowed to <paramref name="type"/> by
    /// rounding to nearest even.</param>
    /// <param name="metadata">Written in ordinal key order; PyTorch readers want <c>format = pt</c>.</param>
    /// <exception cref="SafetensorsFormatException">A value is NaN or infinite, or becomes infinite in <paramref name="type"/>; nothing is
    /// written.</exception>
    /// <exception cref="ArgumentException">A name appears twice or is reserved, or a shape does not fit its values.</exception>
    public static void Write(
        string path, IEnumerable<TensorData> tensors, TensorType type, IReadOnlyDictionary<string, string>? metadata = null)
    {
        Write(path, InMemory(tensors), type, metadata);
    }

    /// <inheritdoc cref="Write(string, IEnumerable{TensorData}, TensorType, IReadOnlyDictionary{string, string}?)"/>
    public static void Write(
        string path, IEnumerable<TensorSource> tensors, TensorType type, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var sorted = Sort(tensors, type);
        AtomicFile.Write(path, stream => Write(stream, path, sorted, type, metadata));
    }

    private static void Write(
        Stream stream, string path, TensorSource[] sorted, TensorType type, IReadOnlyDictionary<string, string>? metadata)
    {
        var header = BuildHeader(sorted, type, metadata);
        if (header.Length > SafetensorsReader.MaxHeaderBytes)
        {
            throw new SafetensorsFormatException(
                SafetensorsDefect.HeaderTooLong, $"{path}: the header would take {header.Length} bytes, over the format's " +
                    $"{SafetensorsReader.MaxHeaderBytes}.");
        }

        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        stream.Write(prefix);
        stream.Write(header.Span);
        var widest = sorted.Length == 0 ? 0 : sorted.Max(tensor => Math.Max(Chunk, Columns(tensor)));
        var (values, bytes) = (new float[widest], new byte[checked(widest * type.ByteSize())]);
        foreach (var tensor in sorted) WriteValues(stream, path, tensor, type, values, bytes);
    }

    private static IEnumerable<TensorSource> InMemory(IEnumerable<TensorData> tensors) => tensors.Select(tensor =>
    {
        var source = tensor.ToSource();
        if (!tensor.Shape.Any(dimension => dimension < 0) && Elements(source) != tensor.Values.Length)
        {
            throw new ArgumentException(
                $"Tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Shape)}] has {tensor.Values.Length} values.", nameof(tensors));
        }

        return source;
    });

    // Wide elements first, as readers want each tensor at a multiple of its element's size.
    private static TensorSource[] Sort(IEnumerable<TensorSource> tensors, TensorType type)
    {
        var sorted = tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).ToArray();
        CheckTensors(sorted);
        return [.. sorted.OrderByDescending(tensor => tensor.TypeIn(type).ByteSize())];
    }

    private static int Columns(TensorSource tensor) => tensor.Shape.Count == 0 ? 1 : tensor.Shape[^1];

    /// <summary>Saturates instead of overflowing.</summary>
    private static Int128 Elements(TensorSource tensor) => tensor.Shape.Contains(0)
        ? 0
        : tensor.Shape.Aggregate((Int128)1, (count, dimension) => count > long.MaxValue ? count : count * dimension);

    private static void CheckTensors(TensorSource[] sorted)
    {
        for (var i = 0; i < sorted.Length; i++)
        {
            var tensor = sorted[i];
            if (tensor.Name == "__metadata__") throw new ArgumentException("A tensor cannot be named '__metadata__'.", nameof(sorted));
            if (i > 0 && sorted[i - 1].Name == tensor.Name)
                throw new ArgumentException($"Two tensors are named '{tensor.Name}'.", nameof(sorted));
            if (tensor.Shape.Any(dimension => dimension < 0))
                throw new ArgumentException($"Tensor '{tensor.Name}' has a negative dimension.", nameof(sorted));
            if (Elements(tensor) > long.MaxValue / sizeof(double))
            {
                throw new ArgumentException(
                    $"Tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Shape)}] is too large to be written.", nameof(sorted));
            }
        }
    }

    /// <summary>The JSON padded with spaces to a multiple of 8, so that the buffer is aligned.</summary>
    private static ReadOnlyMemory<byte> BuildHeader(TensorSource[] sorted, TensorType type, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }

            var position = 0L;
            foreach (var tensor in sorted)
            {
                var own = tensor.TypeIn(type);
                var end = checked(position + ((long)Elements(tensor) * own.ByteSize()));
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", own.DtypeName());
                json.WriteStartArray("shape");
                foreach (var dimension in tensor.Shape) json.WriteNumberValue(dimension);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(position);
                json.WriteNumberValue(end);
                json.WriteEndArray();
                json.WriteEndObject();
                position = end;
            }

            json.WriteEndObject();
        }

        var padding = -buffer.WrittenCount & 7;
        buffer.GetSpan(8)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        return buffer.WrittenMemory;
    }

    private static void WriteValues(Stream stream, string path, TensorSource tensor, TensorType type, float[] values, byte[] bytes)
    {
        if (tensor.Stored is { } stored)
        {
            stored.CopyTo(stream);
            return;
        }

        var elements = (long)Elements(tensor);
        var columns = Columns(tensor);
        if (elements == 0) return;
        var rowsAtOnce = Math.Max(1, Chunk / columns);
        for (var start = 0L; start < elements; start += (long)rowsAtOnce * columns)
        {
            var formed = values.AsMemory(0, (int)Math.Min((long)rowsAtOnce * columns, elements - start));
            tensor.Fill((int)(start / columns), formed);
            var chunk = formed.Span;
            var notFinite = ElementConversion.IndexOfNotFinite(chunk);
            if (notFinite >= 0)
            {
                throw new SafetensorsFormatException(
                    SafetensorsDefect.NotFinite, $"{path}: tensor '{tensor.Name}' would hold NaN or infinity at index " +
                        $"{start + notFinite}; it is not written.");
            }

            var encoded = bytes.AsSpan(0, chunk.Length * type.ByteSize());
            var overflow = ElementConversion.Encode(chunk, type, encoded);
            if (overflow >= 0)
            {
                throw new SafetensorsFormatException(
                    SafetensorsDefect.ValueOverflow,
                    $"{path}: tensor '{tensor.Name}' holds {chunk[overflow]:R} at index {start + overflow}, too large for {type}; write " +
                    "BF16 or F32.");
            }

            stream.Write(encoded);
        }
    }
}
