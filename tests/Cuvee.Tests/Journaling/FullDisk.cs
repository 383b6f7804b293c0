namespace Cuvee.Tests.Journaling;

/// <summary>A file on a disk that may have no more room: what fits is written before the call fails, as a system does it.</summary>
internal sealed class FullDisk(string path)
    : FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0)
{
    /// <summary>Bytes that still fit.</summary>
    public int Room { get; set; } = int.MaxValue;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var fits = Math.Min(Room, buffer.Length);
        base.Write(buffer[..fits]);
        if (fits < buffer.Length) throw new IOException("No space left on device");
    }
}
