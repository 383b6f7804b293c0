namespace Cuvee.Server.Http;

/// <summary>Server-sent events as OpenAI's clients read them.</summary>
internal sealed class EventStream(HttpResponse response, CancellationToken cancellationToken)
{
    public async Task SendAsync(object value)
    {
        if (!response.HasStarted)
        {
            response.ContentType = "text/event-stream";
            response.Headers.CacheControl = "no-cache";
        }

        await SendAsync(JsonReply.Bytes(value)).ConfigureAwait(false);
    }

    public Task EndAsync() => SendAsync("[DONE]"u8.ToArray());

    private async Task SendAsync(byte[] data)
    {
        await response.Body.WriteAsync((byte[])[.. "data: "u8, .. data, .. "\n\n"u8], cancellationToken).ConfigureAwait(false);
        await response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
    }
}
