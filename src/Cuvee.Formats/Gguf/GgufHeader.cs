using System.Buffers.Binary;
using System.Text;
using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>
/// The header of a GGUF file, version 2 or 3, checked as llama.cpp checks it. Memory stays proportional to the header's bytes, whatever
/// they claim.
/// </summary>
/// <param name="DataStart">Byte of the file at which the tensors begin.</param>
internal sealed record GgufHeader(GgufMetadata Metadata, IReadOnlyDictionary<string, GgufTensorEntry> Tensors, long DataStart)
{
    public const uint Magic = 0x46554747; // "GGUF" in little-endian order
    public const uint Version = 3;
    public const uint DefaultAlignment = 32; // bytes
    public const string AlignmentKey = "general.alignment";

    /// <summary>Bytes that a tensor's name takes at most: llama.cpp's 64 with the closing zero.</summary>
    public const int MaxNameBytes = 63;

    private const int MaxDimensions = 4;

    /// <param name="path">For messages.</param>
    /// <param name="bytes">The file from its beginning, as much as a span holds.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    public static GgufHeader Parse(string path, ReadOnlySpan<byte> bytes, long fileLength)
    {
        var cursor = new Cursor(path, bytes);
        if (bytes.Length < sizeof(uint) || cursor.UInt32() != Magic)
            throw new BadInputException(GitLfsPointer.Refusal(path, bytes) ?? $"{path}: does not begin with 'GGUF'; name a GGUF file.");
        var version = cursor.UInt32();
        if ((version & 0xFFFF) == 0)
            throw new BadInputException($"{path}: is written for big-endian machines; convert the model again for this one.");
        if (version is not (2 or Version))
            throw new BadInputException($"{path}: has GGUF version {version}, not 2 or 3; convert the model again.");
        var (tensorCount, entryCount) = (cursor.UInt64(), cursor.UInt64());
        var metadata = new GgufMetadata(path);
        for (ulong i = 0; i < entryCount; i++)
        {
            var key = cursor.Text("a key");
            if (!metadata.Add(key, cursor.Value(key, cursor.UInt32()))) throw cursor.Error($"the key '{key}' stands twice");
        }

        var alignment = (uint?)metadata.FindInteger(AlignmentKey, 1) ?? DefaultAlignment;
        if (!uint.IsPow2(alignment)) throw metadata.Error(AlignmentKey, $"is {alignment}, not a power of 2");
        var tensors = new Dictionary<string, GgufTensorEntry>(StringComparer.Ordinal);
        var next = 0L; // where the next tensor must begin: they follow each other in order, without gaps
        for (ulong i = 0; i < tensorCount; i++)
        {
            var tensor = cursor.Tensor();
            if (!tensors.TryAdd(tensor.Name, tensor)) throw cursor.Error($"tensor '{tensor.Name}' stands twice");
            if (tensor.Offset != next) throw cursor.Error($"tensor '{tensor.Name}' begins at byte {tensor.Offset}, not {next}");
            next = Aligned(tensor.Offset + tensor.ByteCount, alignment);
            if (next > fileLength + alignment) throw Cut(path, tensor, fileLength);
        }

        var start = Aligned(cursor.Position, alignment);
        foreach (var tensor in tensors.Values)
        {
            if (start + tensor.Offset + tensor.ByteCount > fileLength) throw Cut(path, tensor, fileLength);
        }

        return new GgufHeader(metadata, tensors, start);
    }

    public static long Aligned(long position, uint alignment) => checked((position + alignment - 1) / alignment * alignment);

    private static BadInputException Cut(string path, GgufTensorEntry tensor, long fileLength) =>
        new($"{path}: tensor '{tensor.Name}' ends behind the file's {fileLength} bytes; the file was cut: fetch it again.");

    /// <summary>Reads little-endian values one after the other, never past the end.</summary>
    private ref struct Cursor(string path, ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> bytes = bytes;

        public int Position { get; private set; }

        public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

        public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

        public string Text(string what)
        {
            var length = UInt64();
            try
            {
                return Strict.GetString(Take(length));
            }
            catch (DecoderFallbackException exception)
            {
                throw Error($"{what} is not valid UTF-8", exception);
            }
        }

        public object Value(string key, uint type)
        {
            if (type != 9) return Scalar(key, type);
            var element = UInt32();
            var count = UInt64();
            return element switch
            {
                0 => Array(count, sizeof(byte), item => item[0]),
                1 => Array(count, sizeof(sbyte), item => (sbyte)item[0]),
                2 => Array(count, sizeof(ushort), BinaryPrimitives.ReadUInt16LittleEndian),
                3 => Array(count, sizeof(short), BinaryPrimitives.ReadInt16LittleEndian),
                4 => Array(count, sizeof(uint), BinaryPrimitives.ReadUInt32LittleEndian),
                5 => Array(count, sizeof(int), BinaryPrimitives.ReadInt32LittleEndian),
                6 => Array(count, sizeof(float), BinaryPrimitives.ReadSingleLittleEndian),
                7 => Array(count, sizeof(byte), item => item[0] != 0),
                8 => Texts(key, count),
                10 => Array(count, sizeof(ulong), BinaryPrimitives.ReadUInt64LittleEndian),
                11 => Array(count, sizeof(long), BinaryPrimitives.ReadInt64LittleEndian),
                12 => Array(count, sizeof(double), BinaryPrimitives.ReadDoubleLittleEndian),
                _ => throw Error($"'{key}' is a list of values of type {element}, which the format does not have"),
            };
        }

        public GgufTensorEntry Tensor()
        {
            var name = Text("a tensor's name");
            if (Encoding.UTF8.GetByteCount(name) > MaxNameBytes) throw Error($"a tensor's name is longer than {MaxNameBytes} bytes");
            var dimensions = UInt32();
            if (dimensions is 0 or > MaxDimensions) throw Error($"tensor '{name}' has {dimensions} dimensions, not 1 to {MaxDimensions}");
            var shape = new int[dimensions];
            var (elements, rows) = ((Int128)1, (Int128)1);
            for (var i = shape.Length - 1; i >= 0; i--)
            {
                var length = UInt64();
                if (length is 0 or > int.MaxValue) throw Error($"tensor '{name}' has a dimension of {length}");
                shape[i] = (int)length;
                elements *= length;
                if (i < shape.Length - 1) rows *= length;
            }

            if (elements > long.MaxValue / sizeof(double) || rows > int.MaxValue) throw Error($"tensor '{name}' has too many elements");
            var type = UInt32();
            if (GgmlTypes.Format(type) is not { } format)
            {
                throw new BadInputException(
                    $"{path}: tensor '{name}' is stored as {GgmlTypes.Name(type)}; Cuvee reads F32, F16, BF16 and Q8_0: use a file of " +
                    "one of these.");
            }

            if (format == StorageFormat.Q80 && shape[^1] % StorageFormats.BlockElements != 0)
                throw Error($"tensor '{name}' is stored as Q8_0 in rows of {shape[^1]}, not whole blocks of " +
                    $"{StorageFormats.BlockElements}");
            var offset = UInt64();
            return offset <= long.MaxValue / 2
                ? new GgufTensorEntry(name, shape, format, (long)offset)
                : throw Error($"tensor '{name}' begins at byte {offset}");
        }

        /// <param name="problem">Without the mend.</param>
        public readonly BadInputException Error(string problem, Exception? inner = null) =>
            new($"{path}: {problem}; the file is broken: fetch or convert it again.", inner);

        private object Scalar(string key, uint type) => type switch
        {
            0 => Take(sizeof(byte))[0],
            1 => (sbyte)Take(sizeof(sbyte))[0],
            2 => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort))),
            3 => BinaryPrimitives.ReadInt16LittleEndian(Take(sizeof(short))),
            4 => UInt32(),
            5 => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int))),
            6 => BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float))),
            7 => Take(sizeof(byte))[0] != 0,
            8 => Text($"'{key}'"),
            10 => UInt64(),
            11 => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long))),
            12 => BinaryPrimitives.ReadDoubleLittleEndian(Take(sizeof(double))),
            _ => throw Error($"'{key}' is a value of type {type}, which the format does not have"),
        };

        private T[] Array<T>(ulong count, int size, ReadElement<T> read)
        {
            if (count > (ulong)(bytes.Length - Position) / (uint)size) throw Ends();
            var source = Take(count * (uint)size);
            var values = new T[count];
            for (var i = 0; i < values.Length; i++) values[i] = read(source[(i * size)..]);
            return values;
        }

        private string[] Texts(string key, ulong count)
        {
            if (count > (ulong)(bytes.Length - Position) / sizeof(ulong)) throw Ends();
            var values = new string[count];
            for (var i = 0; i < values.Length; i++) values[i] = Text($"'{key}'");
            return values;
        }

        private ReadOnlySpan<byte> Take(ulong length)
        {
            if (length > (ulong)(bytes.Length - Position)) throw Ends();
            var taken = bytes.Slice(Position, (int)length);
            Position += (int)length;
            return taken;
        }

        private readonly BadInputException Ends() => new($"{path}: the file ends inside its header; it was cut: fetch it again.");
    }

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private delegate T ReadElement<out T>(ReadOnlySpan<byte> bytes);
}
