namespace Cuvee.Journaling;

/// <summary>Lines of a stream without loading it; the stream may be appended to between two calls.</summary>
/// <param name="stream">Read from where it stands.</param>
/// <param name="longestLine">In bytes.</param>
public sealed class LineReader(Stream stream, int longestLine)
{
    private byte[] buffer = new byte[1 << 16];
    private int start; // of what is not given out yet
    private int end;

    /// <summary>Bytes of the lines given out, line feeds included.</summary>
    public long Consumed { get; private set; }

    /// <returns>Without its line feed, never empty, valid until the next call; empty at the end or before a torn last line. A line over
    /// the limit comes cut.</returns>
    public ReadOnlyMemory<byte> Next()
    {
        var searched = 0;
        while (true)
        {
            var length = buffer.AsSpan(start + searched, end - start - searched).IndexOf((byte)'\n');
            if (length >= 0 || end - start > longestLine)
            {
                length = length >= 0 ? length + searched : longestLine;
                var line = buffer.AsMemory(start, length);
                start += length + 1;
                Consumed += length + 1;
                return length == 0 ? "?"u8.ToArray() : line; // an empty line is no end but a damaged one
            }

            searched = end - start;
            if (!Fill()) return default;
        }
    }

    private bool Fill()
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        if (end == buffer.Length) Array.Resize(ref buffer, 2 * buffer.Length);
        stream.Position = Consumed + end;
        var read = stream.Read(buffer, end, buffer.Length - end);
        end += read;
        return read > 0;
    }
}
