using System.Text;
using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.Server.Keys;

namespace Cuvee.Server.Http;

/// <summary>A request's body as JSON under limits of size and depth.</summary>
internal static class RequestDocument
{
    private const int MaxDepth = 32;

    /// <exception cref="ServiceException">Over the limit of the server or the key.</exception>
    /// <exception cref="BadInputException">Not JSON, or too deep.</exception>
    public static async Task<JsonFile> ReadAsync(HttpContext context, long maxBytes, CancellationToken cancellationToken)
    {
        var limit = Math.Min(maxBytes, context.Features.GetRequiredFeature<Tenant>().MaxBodyBytes);
        if (context.Request.ContentLength > limit) throw ServiceException.TooLarge(limit);
        using var body = new MemoryStream();
        var buffer = new byte[1 << 16];
        int count;
        while ((count = await context.Request.Body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            if (body.Length + count > limit) throw ServiceException.TooLarge(limit);
            body.Write(buffer, 0, count);
        }

        var bytes = body.ToArray();
        context.Features.Set(new RequestText(bytes));
        return JsonFile.Parse(bytes, "request", new JsonDocumentKind("a request", limit, MaxDepth, "correct it"));
    }
}

/// <summary>A body that was read, for the log of a server that was told to keep prompts.</summary>
internal sealed record RequestText(byte[] Bytes)
{
    public override string ToString() => Encoding.UTF8.GetString(Bytes);
}
