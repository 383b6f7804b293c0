using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Unicode;

namespace Cuvee.Formats.Safetensors;

/// <summary>
/// The JSON header of a safetensors file, checked against the format's rules. Memory stays proportional to the header's bytes, whatever
/// they claim.
/// </summary>
internal sealed class SafetensorsHeader
{
    private const string MetadataKey = "__metadata__";

    // The format's dtypes that are not read as fp32.
    private static readonly FrozenSet<string> RefusedTypes = FrozenSet.ToFrozenSet(
    [
        "BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
        "I16", "U16", "I32", "U32", "C64", "I64", "U64",
    ]);

    private readonly string _path;
    private readonly bool _wholeNumbers;

    private SafetensorsHeader(string path, bool wholeNumbers) => (_path, _wholeNumbers) = (path, wholeNumbers);

    public Dictionary<string, TensorEntry> Entries { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <param name="path">For messages.</param>
    /// <param name="json">The header's bytes without the length prefix.</param>
    /// <param name="bufferLength">Bytes of the file behind the header.</param>
    /// <param name="wholeNumbers">Accept tensors of whole numbers.</param>
    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long bufferLength, bool wholeNumbers)
    {
        var header = new SafetensorsHeader(path, wholeNumbers);
        if (json.IsEmpty || json[0] != (byte)'{')
            throw header.Error(SafetensorsDefect.HeaderStart, "the header does not begin with '{'; this is not a safetensors file");
        if (!Utf8.IsValid(json)) throw header.Error(SafetensorsDefect.HeaderNotUtf8, "the header is not valid UTF-8; save the file again");
        try
        {
            header.ReadObject(json);
        }
        catch (JsonException e)
        {
            throw header.Error(SafetensorsDefect.InvalidJson, $"the header is not valid JSON (byte {e.BytePositionInLine}); save the " +
                "file again", e);
        }

        header.CheckLayout(bufferLength);
        return header;
    }

    private void ReadObject(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        reader.Read();
        var metadataSeen = false;
        while (ReadKey(ref reader, out var name))
        {
            reader.Read();
            if (name == MetadataKey)
            {
                if (metadataSeen) throw Duplicate($"'{MetadataKey}'");
                metadataSeen = true;
                ReadMetadata(ref reader);
            }
            else
            {
                if (Entries.ContainsKey(name)) throw Duplicate($"tensor '{Shown(name)}'");
                Entries.Add(name, ReadEntry(ref reader, name));
            }
        }

        // Anything but white space behind the object makes this call throw.
        reader.Read();
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        const string mend = "metadata must map strings to strings; save the file again";
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Error(SafetensorsDefect.MetadataNotString, $"'{MetadataKey}' is not an object: {mend}");
        while (ReadKey(ref reader, out var key))
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Error(SafetensorsDefect.MetadataNotString, $"'{MetadataKey}' entry '{Shown(key)}' is not a string: {mend}");
            if (!Metadata.TryAdd(key, Text(ref reader))) throw Duplicate($"'{MetadataKey}' entry '{Shown(key)}'");
        }
    }

    private TensorEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw WrongType(name, "its entry", "an object");
        TensorType? type = null;
        List<int>? shape = null;
        (long Begin, long End)? offsets = null;
        while (ReadKey(ref reader, out var field))
        {
            reader.Read();
            switch (field)
            {
                case "dtype" when type is not null:
                case "shape" when shape is not null:
                case "data_offsets" when offsets is not null:
                    throw Duplicate($"field '{field}' of tensor '{Shown(name)}'");
                case "dtype":
                    type = ReadType(ref reader, name);
                    break;
                case "shape":
                    shape = ReadShape(ref reader, name);
                    break;
                case "data_offsets":
                    offsets = ReadOffsets(ref reader, name);
                    break;
                default:
                    throw TensorError(SafetensorsDefect.UnknownField, name, $"has the unknown field '{Shown(field)}'; remove it");
            }
        }

        var missing = type is null ? "dtype" : shape is null ? "shape" : offsets is null ? "data_offsets" : null;
        if (missing is not null) throw TensorError(SafetensorsDefect.MissingField, name, $"has no field '{missing}'; save the file again");
        var entry = new TensorEntry(name, type!.Value, shape!.AsReadOnly(), offsets!.Value.Begin, offsets.Value.End);
        CheckSize(entry);
        return entry;
    }

    private TensorType ReadType(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.String) throw WrongType(name, "'dtype'", "a string");
        var type = Text(ref reader);
        return type switch
        {
            "F32" => TensorType.F32,
            "BF16" => TensorType.BF16,
            "F16" => TensorType.F16,
            "F64" => TensorType.F64,
            _ when RefusedTypes.Contains(type) => _wholeNumbers && Enum.TryParse<TensorType>(type, ignoreCase: true, out var whole)
                ? whole
                : throw TensorError(
                    SafetensorsDefect.RefusedType, name, $"has dtype {type}; Cuvee reads F32, BF16, F16 and F64: convert it"),
            _ => throw TensorError(SafetensorsDefect.UnknownType, name, $"has the unknown dtype '{Shown(type)}'; save the file again"),
        };
    }

    private List<int> ReadShape(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw WrongType(name, "'shape'", "an array of integers");
        var shape = new List<int>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (shape.Count == SafetensorsReader.MaxDimensions)
                throw TensorError(SafetensorsDefect.TooManyDimensions, name, $"has over {SafetensorsReader.MaxDimensions} dimensions; " +
                    "reshape it");
            var dimension = ReadInteger(ref reader, name, "'shape'", SafetensorsDefect.ShapeOverflow, SafetensorsDefect.NegativeDimension);
            if (dimension > int.MaxValue)
                throw TensorError(SafetensorsDefect.ShapeOverflow, name, $"has a dimension of {dimension}, over {int.MaxValue}; split it");
            shape.Add((int)dimension);
        }

        return shape;
    }

    private (long Begin, long End) ReadOffsets(ref Utf8JsonReader reader, string name)
    {
        const string field = "'data_offsets'";
        const string expected = "an array of two integers";
        if (reader.TokenType != JsonTokenType.StartArray) throw WrongType(name, field, expected);
        Span<long> offsets = stackalloc long[2];
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (count == 2) throw WrongType(name, field, expected);
            offsets[count++] = ReadInteger(ref reader, name, field, SafetensorsDefect.OffsetsPastEnd, SafetensorsDefect.NegativeOffset);
        }

        return count == 2 ? (offsets[0], offsets[1]) : throw WrongType(name, field, expected);
    }

    /// <summary>A JSON integer from 0 to 2^63 - 1; <c>1.0</c> and <c>1e3</c> are not integers here.</summary>
    private long ReadInteger(
        ref Utf8JsonReader reader, string name, string field, SafetensorsDefect overflow, SafetensorsDefect negative)
    {
        if (reader.TokenType != JsonTokenType.Number || reader.ValueSpan.ContainsAny(".eE"u8))
            throw WrongType(name, field, "made of integers");
        if (reader.ValueSpan[0] == (byte)'-' && !(reader.TryGetInt64(out var value) && value == 0))
            throw TensorError(negative, name, $"has a negative number in {field}; save the file again");
        return reader.TryGetInt64(out value) ? value : throw TensorError(overflow, name, $"has a number over 2^63 - 1 in {field}; save " +
            "the file again");
    }

    private void CheckSize(TensorEntry entry)
    {
        if (entry.End < entry.Begin)
            throw TensorError(SafetensorsDefect.OffsetsReversed, entry.Name, $"ends at byte {entry.End} before it begins at " +
                $"{entry.Begin}; save the file again");

        // Zero anywhere makes an empty tensor, even beside dimensions whose product would not fit.
        long bytes = entry.Shape.Contains(0) ? 0 : entry.Type.ByteSize();
        foreach (var dimension in entry.Shape)
        {
            if (bytes > 0 && bytes > long.MaxValue / dimension)
                throw TensorError(SafetensorsDefect.ShapeOverflow, entry.Name, $"has the impossible shape " +
                    $"[{string.Join(", ", entry.Shape)}]; save the file again");
            bytes *= dimension;
        }

        if (entry.End - entry.Begin != bytes)
        {
            throw TensorError(
                SafetensorsDefect.SizeMismatch,
                entry.Name,
                $"has {entry.End - entry.Begin} bytes, but {entry.Type} [{string.Join(", ", entry.Shape)}] takes {bytes}; save the file " +
                "again");
        }
    }

    /// <summary>In order of their offsets the tensors must cover the buffer exactly.</summary>
    private void CheckLayout(long bufferLength)
    {
        var position = 0L;
        TensorEntry? previous = null;
        foreach (var entry in Entries.Values.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.End > bufferLength)
            {
                throw TensorError(
                    SafetensorsDefect.OffsetsPastEnd,
                    entry.Name,
                    $"ends at byte {entry.End} of a data buffer of {bufferLength}; the file was cut or its header is wrong: fetch it " +
                    "again");
            }

            if (entry.Begin > position)
                throw TensorError(SafetensorsDefect.Hole, entry.Name, $"leaves a hole of {entry.Begin - position} bytes before it; save " +
                    "the file again");
            if (entry.Begin < position)
                throw TensorError(SafetensorsDefect.Overlap, entry.Name, $"overlaps tensor '{Shown(previous!.Name)}'; save the file again");
            position = entry.End;
            previous = entry;
        }

        if (position < bufferLength)
            throw Error(SafetensorsDefect.TrailingBytes, $"{bufferLength - position} bytes follow the last tensor; save the file again");
    }

    /// <summary>Moves to the next key of an object; false at its end.</summary>
    private bool ReadKey(ref Utf8JsonReader reader, out string key)
    {
        reader.Read();
        key = reader.TokenType == JsonTokenType.PropertyName ? Text(ref reader) : "";
        return reader.TokenType == JsonTokenType.PropertyName;
    }

    private string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw Error(SafetensorsDefect.InvalidJson, "the header holds an escaped lone surrogate; save the file again", e);
        }
    }

    private SafetensorsFormatException WrongType(string name, string field, string expected) =>
        TensorError(SafetensorsDefect.WrongFieldType, name, $"is broken: {field} is not {expected}; save the file again");

    private SafetensorsFormatException Duplicate(string what) =>
        Error(SafetensorsDefect.DuplicateKey, $"{what} appears twice in the header; save the file again");

    private SafetensorsFormatException TensorError(SafetensorsDefect defect, string name, string problem) =>
        Error(defect, $"tensor '{Shown(name)}' {problem}");

    // A hostile header may hold a name of 100 MB.
    private static string Shown(string text) => text.Length <= 200 ? text : text[..200] + "...";

    private SafetensorsFormatException Error(SafetensorsDefect defect, string problem, Exception? inner = null) =>
        new(defect, $"{_path}: {problem}.", inner);
}
