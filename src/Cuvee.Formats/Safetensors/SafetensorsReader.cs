using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Cuvee.Numerics;
using Microsoft.Win32.SafeHandles;

namespace Cuvee.Formats.Safetensors;

/// <summary>
/// Memory-mapped safetensors file. Thread-safe after <see cref="Open(string)"/>. The file must not be shortened while it is open: the
/// operating system ends a process that reads a mapped page without a file behind it.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    /// <summary>The format's limit on the header, in bytes.</summary>
    public const int MaxHeaderBytes = 100_000_000;

    /// <summary>Dimensions that a shape may have; PyTorch and NumPy stop at 64 too.</summary>
    public const int MaxDimensions = 64;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly long _bufferStart;
    private readonly SafetensorsHeader _header;

    private SafetensorsReader(string path, MemoryMappedFile file, MemoryMappedViewAccessor view, SafetensorsHeader header, long bufferStart)
    {
        Path = path;
        _file = file;
        _view = view;
        _header = header;
        _bufferStart = bufferStart;
    }

    public string Path { get; }

    /// <summary>Key: the tensor's name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Entries => _header.Entries;

    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Where in the file the tensors' byte offsets start.</summary>
    internal long BufferStart => _bufferStart;

    /// <summary>Maps the file and checks its whole header; tensor values are not touched.</summary>
    /// <exception cref="SafetensorsFormatException">The file breaks the format; <see cref="SafetensorsFormatException.Defect"/> says
    /// how.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static SafetensorsReader Open(string path) => Open(path, wholeNumbers: false);

    /// <param name="wholeNumbers">Accept tensors of whole numbers, whose values are not read here.</param>
    internal static SafetensorsReader Open(string path, bool wholeNumbers)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("safetensors files are read on little-endian machines only.");
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        var length = stream.Length;
        Span<byte> prefix = stackalloc byte[GitLfsPointer.Length];
        prefix = prefix[..stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false)];
        if (GitLfsPointer.Refusal(path, prefix) is { } pointer)
            throw new SafetensorsFormatException(SafetensorsDefect.GitLfsPointer, pointer);
        if (prefix.Length < sizeof(ulong))
        {
            throw new SafetensorsFormatException(
                SafetensorsDefect.FileTooShort, $"{path}: the file has {length} bytes, less than the 8 of its header length; fetch it " +
                    "again.");
        }

        var headerLength = CheckHeaderLength(path, BinaryPrimitives.ReadUInt64LittleEndian(prefix), length);
        MemoryMappedFile? file = null;
        MemoryMappedViewAccessor? view = null;
        try
        {
            file = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            var bufferStart = sizeof(ulong) + (long)headerLength;
            using var bytes = new Lease(view);
            var header = SafetensorsHeader.Parse(path, bytes.Slice(sizeof(ulong), headerLength), length - bufferStart, wholeNumbers);
            return new SafetensorsReader(path, file, view, header, bufferStart);
        }
        catch
        {
            view?.Dispose();
            file?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The tensor where it lies in the mapped file, as [all leading dimensions, last dimension]; F64 as a converted copy. It stays valid
    /// after <see cref="Dispose"/>. NaN or infinity is a <see cref="SafetensorsFormatException"/>: every value is looked at once.
    /// </summary>
    public unsafe StoredMatrix Matrix(string name)
    {
        var entry = Find(name);
        var columns = entry.Shape.Count == 0 ? 1 : entry.Shape[^1];
        var rows = columns == 0 ? 0 : entry.Count / columns;
        if (rows > int.MaxValue) throw TooLarge(entry, int.MaxValue);
        if (entry.Type == TensorType.F64) return StoredMatrix.Over((int)rows, columns, ReadSingles(name));
        var mapping = new MappedBytes(_view);
        var matrix = new StoredMatrix(
            entry.Type switch
            {
                TensorType.BF16 => StorageFormat.BF16,
                TensorType.F16 => StorageFormat.F16,
                _ => StorageFormat.F32,
            },
            (int)rows, columns, mapping.Start + _bufferStart + entry.Begin, mapping);
        return matrix.IndexOfNotFinite() is >= 0 and var index ? throw NotFinite(entry, index) : matrix;
    }

    /// <summary>The tensor converted to fp32; NaN or infinity is a <see cref="SafetensorsFormatException"/>.</summary>
    public float[] ReadSingles(string name)
    {
        var entry = Find(name);
        if (entry.Count > Array.MaxLength) throw TooLarge(entry, Array.MaxLength);
        var values = GC.AllocateUninitializedArray<float>((int)entry.Count);
        Read(entry, values);
        return values;
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private static int CheckHeaderLength(string path, ulong headerLength, long fileLength)
    {
        if (headerLength > MaxHeaderBytes)
        {
            throw new SafetensorsFormatException(
                SafetensorsDefect.HeaderTooLong, $"{path}: the header claims {headerLength} bytes, over the format's {MaxHeaderBytes}; " +
                    "this is not a safetensors file.");
        }

        if ((long)headerLength > fileLength - sizeof(ulong))
        {
            throw new SafetensorsFormatException(
                SafetensorsDefect.HeaderPastEnd, $"{path}: the header claims {headerLength} bytes of a file of {fileLength}; the file " +
                    "was cut: fetch it again.");
        }

        return (int)headerLength;
    }

    private TensorEntry Find(string name) => Entries.TryGetValue(name, out var entry)
        ? entry
        : throw new SafetensorsFormatException(SafetensorsDefect.NoSuchTensor, $"{Path}: there is no tensor '{name}'.");

    private void Read(TensorEntry entry, Span<float> destination)
    {
        const int chunk = 1 << 22;
        using var bytes = new Lease(_view);
        var elementSize = entry.Type.ByteSize();
        for (var start = 0; start < destination.Length; start += Math.Min(chunk, destination.Length - start))
        {
            var count = Math.Min(chunk, destination.Length - start);
            var source = bytes.Slice(_bufferStart + entry.Begin + ((long)start * elementSize), count * elementSize);
            var target = destination.Slice(start, count);
            ElementConversion.Decode(source, entry.Type, target);
            var index = ElementConversion.IndexOfNotFinite(target);
            if (index < 0) continue;
            var wide = entry.Type == TensorType.F64 ? BinaryPrimitives.ReadDoubleLittleEndian(source[(index * sizeof(double))..])
                : double.NaN;
            throw double.IsFinite(wide) ? Overflow(entry, start + index, wide) : NotFinite(entry, start + index);
        }
    }

    private SafetensorsFormatException TooLarge(TensorEntry entry, long limit) => new(
        SafetensorsDefect.TensorTooLarge, $"{Path}: tensor '{entry.Name}' has {entry.Count} elements, over {limit}; split it.");

    private SafetensorsFormatException Overflow(TensorEntry entry, long index, double value) => new(
        SafetensorsDefect.ValueOverflow, $"{Path}: tensor '{entry.Name}' holds {value:R} at index {index}, too large for fp32; rescale " +
            "it.");

    private SafetensorsFormatException NotFinite(TensorEntry entry, long index) => new(
        SafetensorsDefect.NotFinite, $"{Path}: tensor '{entry.Name}' holds NaN or infinity at index {index}; the weights are broken: " +
            "train or fetch them again.");

    /// <summary>Keeps the mapping alive while its bytes are read, so that a concurrent <see cref="Dispose"/> cannot pull it away.</summary>
    private unsafe ref struct Lease
    {
        private readonly SafeMemoryMappedViewHandle _handle;
        private readonly byte* _start;

        public Lease(MemoryMappedViewAccessor view)
        {
            _handle = view.SafeMemoryMappedViewHandle;
            byte* start = null;
            _handle.AcquirePointer(ref start);
            _start = start + view.PointerOffset;
        }

        public readonly ReadOnlySpan<byte> Slice(long offset, int length) => new(_start + offset, length);

        public readonly void Dispose() => _handle.ReleasePointer();
    }
}
