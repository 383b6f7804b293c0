using System.Buffers;
using Cuvee.Formats.Safetensors;
using Microsoft.Win32.SafeHandles;

namespace Cuvee.Formats.HuggingFace;

/// <summary>
/// Every tensor of a folder's model.safetensors or of its shards, whatever the architecture, read a piece at a time. Read, not mapped: a
/// model larger than the memory leaves nothing of it behind. Thread-safe.
/// </summary>
public sealed class CheckpointReader : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly Dictionary<string, (Shard Shard, TensorEntry Entry)> places = new(StringComparer.Ordinal);
    private readonly List<Shard> shards = [];

    private CheckpointReader(string folder) => Folder = folder;

    public string Folder { get; }

    /// <summary>Ordinal order.</summary>
    public IEnumerable<string> TensorNames => places.Keys.Order(StringComparer.Ordinal);

    /// <summary>Checks headers; no value is read.</summary>
    /// <exception cref="BadInputException">No weights, or a file is missing or broken.</exception>
    public static CheckpointReader Open(string folder)
    {
        var readers = new List<SafetensorsReader>();
        var checkpoint = new CheckpointReader(folder);
        try
        {
            foreach (var file in HuggingFaceModelReader.OpenShards(folder, readers, wholeNumbers: true).GroupBy(tensor => tensor.Value))
            {
                var shard = new Shard(file.Key.Path, File.OpenHandle(file.Key.Path), file.Key.BufferStart);
                checkpoint.shards.Add(shard);
                foreach (var (name, _) in file) checkpoint.places.Add(name, (shard, file.Key.Entries[name]));
            }

            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
        finally
        {
            readers.ForEach(reader => reader.Dispose());
        }
    }

    /// <summary>Null: no such tensor.</summary>
    public TensorEntry? Find(string name) => places.TryGetValue(name, out var place) ? place.Entry : null;

    /// <summary>Widens part of a tensor to fp32.</summary>
    /// <param name="name">One of <see cref="TensorNames"/>.</param>
    /// <param name="first">Its element that comes first, row-major.</param>
    /// <param name="destination">As many elements as are read.</param>
    /// <exception cref="SafetensorsFormatException">NaN or infinity among them, or whole numbers.</exception>
    /// <exception cref="IOException">The file was shortened since it was opened, or cannot be read.</exception>
    public void Read(string name, long first, Span<float> destination)
    {
        var (shard, entry) = places[name];
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + destination.Length, entry.Count, nameof(destination));
        if (!entry.Type.IsFloat())
        {
            throw new SafetensorsFormatException(
                SafetensorsDefect.RefusedType, $"{shard.Path}: tensor '{name}' has dtype {entry.Type.DtypeName()}, which is no number to " +
                    "merge; convert it.");
        }

        var size = entry.Type.ByteSize();
        var bytes = ArrayPool<byte>.Shared.Rent((int)Math.Min(ChunkBytes, (long)destination.Length * size));
        try
        {
            for (int start = 0, count; start < destination.Length; start += count)
            {
                count = Math.Min(ChunkBytes / size, destination.Length - start);
                var chunk = bytes.AsSpan(0, count * size);
                var target = destination.Slice(start, count);
                Fill(shard, shard.BufferStart + entry.Begin + ((first + start) * size), chunk);
                ElementConversion.Decode(chunk, entry.Type, target);
                if (ElementConversion.IndexOfNotFinite(target) is >= 0 and var index)
                {
                    throw new SafetensorsFormatException(
                        SafetensorsDefect.NotFinite, $"{shard.Path}: tensor '{name}' holds NaN, infinity or a number beyond fp32 at " +
                            $"index {first + start + index}; the weights are broken: train or fetch them again.");
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>Writes a tensor's bytes as they are stored.</summary>
    public void CopyTo(string name, Stream stream)
    {
        foreach (var chunk in Chunks(name)) stream.Write(chunk.Span);
    }

    /// <summary>Whether a tensor has the type and bytes of another checkpoint's.</summary>
    public bool HoldsBytesOf(string name, CheckpointReader other, string otherName)
    {
        var (own, their) = (places[name].Entry, other.places[otherName].Entry);
        return own.Type == their.Type && own.End - own.Begin == their.End - their.Begin
            && Chunks(name).Zip(other.Chunks(otherName)).All(pair => pair.First.Span.SequenceEqual(pair.Second.Span));
    }

    public void Dispose() => shards.ForEach(shard => shard.Handle.Dispose());

    private IEnumerable<ReadOnlyMemory<byte>> Chunks(string name)
    {
        var (shard, entry) = places[name];
        var bytes = new byte[(int)Math.Min(ChunkBytes, entry.End - entry.Begin)];
        for (var position = entry.Begin; position < entry.End; position += bytes.Length)
        {
            var chunk = bytes.AsMemory(0, (int)Math.Min(bytes.Length, entry.End - position));
            Fill(shard, shard.BufferStart + position, chunk.Span);
            yield return chunk;
        }
    }

    private static void Fill(Shard shard, long position, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(shard.Handle, bytes, position);
            if (read == 0) throw new EndOfStreamException($"{shard.Path}: the file became shorter while it was read.");
            position += read;
            bytes = bytes[read..];
        }
    }

    private sealed record Shard(string Path, SafeFileHandle Handle, long BufferStart);
}
