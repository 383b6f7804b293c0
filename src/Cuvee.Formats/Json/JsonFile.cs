using System.Text.Json;

namespace Cuvee.Formats.Json;

/// <summary>
/// A JSON document under the limits of its kind: size and depth are bounded, no key stands twice, a byte order mark is accepted. All files
/// and texts of people go through here; journals, which Cuvee writes line by line, and safetensors headers have readers of their own.
/// </summary>
public sealed class JsonFile : IDisposable
{
    private readonly JsonDocument document;

    private JsonFile(JsonDocument document, string source, JsonDocumentKind kind) =>
        (this.document, Root) = (document, new JsonField(document.RootElement, source, kind.Mend));

    public JsonField Root { get; }

    /// <exception cref="BadInputException">Missing, unreadable, too large, too deep or not JSON.</exception>
    public static JsonFile Read(string path, JsonDocumentKind kind)
    {
        return Parse(ReadBytes(path, kind), path, kind);
    }

    /// <summary>The bytes of a file that its reader wants to keep, to be parsed next.</summary>
    /// <exception cref="BadInputException">Missing, unreadable or too large.</exception>
    public static byte[] ReadBytes(string path, JsonDocumentKind kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        try
        {
            ThrowIfTooLarge(new FileInfo(path).Length, path, kind);
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{path}: cannot be read ({exception.Message.TrimEnd('.')}); name {kind.Name}.", exception);
        }
    }

    /// <param name="utf8">Must stay as it is until the file is disposed.</param>
    /// <param name="source">Name of the text in errors.</param>
    /// <exception cref="BadInputException">Too large, too deep or not JSON.</exception>
    public static JsonFile Parse(ReadOnlyMemory<byte> utf8, string source, JsonDocumentKind kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ThrowIfTooLarge(utf8.Length, source, kind);
        if (utf8.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) utf8 = utf8[3..];
        var options = new JsonDocumentOptions { MaxDepth = kind.MaxDepth, AllowDuplicateProperties = false };
        try
        {
            return new JsonFile(JsonDocument.Parse(utf8, options), source, kind);
        }
        catch (JsonException exception)
        {
            if (GitLfsPointer.Refusal(source, utf8.Span) is { } pointer) throw new BadInputException(pointer, exception);
            var problem = exception.Message.Split(". ")[0].TrimEnd('.');
            var line = exception.LineNumber is { } number && utf8.Span.Contains((byte)'\n') ? $" at line {number + 1}" : "";
            throw new BadInputException($"{source}: not valid JSON{line} ({problem}); {kind.Mend}.", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new BadInputException($"{source}: a key is not valid Unicode; {kind.Mend}.", exception);
        }
    }

    public void Dispose() => document.Dispose();

    private static void ThrowIfTooLarge(long length, string source, JsonDocumentKind kind)
    {
        if (length <= kind.MaxBytes) return;
        throw new BadInputException($"{source}: {length} bytes are over the {kind.MaxBytes} that {kind.Name} may take; name another file.");
    }
}
