using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Cuvee.Tests.LanguageModels.Http;

/// <summary>Answers requests in the order they arrive, and keeps what was sent.</summary>
internal sealed class ScriptedHandler(Func<HttpRequestMessage, JsonNode?, int, CancellationToken, Task<HttpResponseMessage>> answer)
    : HttpMessageHandler
{
    private readonly Lock gate = new();

    public ScriptedHandler(params IReadOnlyList<Func<HttpResponseMessage>> answers)
        : this((_, _, i, _) => Task.FromResult(answers[Math.Min(i, answers.Count - 1)]()))
    {
    }

    public List<(HttpMethod Method, string Path, JsonNode? Body, string? Key)> Sent { get; } = [];

    public static HttpResponseMessage Json(string body, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var text = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        var body = text is null ? null : JsonNode.Parse(text);
        int position;
        lock (gate)
        {
            position = Sent.Count;
            Sent.Add((request.Method, request.RequestUri!.PathAndQuery, body, request.Headers.Authorization?.ToString()));
        }

        return await answer(request, body, position, cancellationToken);
    }
}
