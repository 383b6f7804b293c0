using System.IO.MemoryMappedFiles;
using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>
/// Memory-mapped GGUF file. Immutable and thread-safe; the file must not be shortened while one of its matrices is in use.
/// </summary>
public sealed unsafe class GgufReader
{
    private readonly GgufHeader header;
    private readonly MappedBytes mapping;

    private GgufReader(string path, GgufHeader header, MappedBytes mapping) => (Path, this.header, this.mapping) = (path, header, mapping);

    public string Path { get; }

    public GgufMetadata Metadata => header.Metadata;

    /// <summary>Key: the tensor's name.</summary>
    public IReadOnlyDictionary<string, GgufTensorEntry> Tensors => header.Tensors;

    /// <summary>Maps the file and checks its whole header; tensor values are not touched.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is broken, or stores a tensor in a type that Cuvee does not
    /// read.</exception>
    public static GgufReader Open(string path)
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("GGUF files are read on little-endian machines only.");
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            var length = stream.Length;
            if (length == 0) throw new BadInputException($"{path}: the file is empty; fetch it again.");
            using var file = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            using var view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            var mapping = new MappedBytes(view);
            var header = GgufHeader.Parse(path, new ReadOnlySpan<byte>(mapping.Start, (int)Math.Min(length, int.MaxValue)), length);
            GC.KeepAlive(mapping);
            return new GgufReader(path, header, mapping);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{path}: cannot be read ({exception.Message.TrimEnd('.')}); name a GGUF file.", exception);
        }
    }

    /// <summary>The tensor where it lies in the file, as [all leading dimensions, last dimension]; the mapping lives as long.</summary>
    /// <exception cref="BadInputException">There is no such tensor.</exception>
    public StoredMatrix Matrix(string name)
    {
        if (!Tensors.TryGetValue(name, out var entry)) throw new BadInputException($"{Path}: tensor '{name}' is missing; use a whole " +
            "file.");
        return new StoredMatrix(entry.Format, entry.Rows, entry.Columns, mapping.Start + header.DataStart + entry.Offset, mapping);
    }
}
