using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cuvee.Server.Http;

/// <summary>Answers: JSON with keys in snake case and numbers that round-trip.</summary>
internal static class JsonReply
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static byte[] Bytes(object value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);

    public static Task WriteAsync(HttpContext context, object value, CancellationToken cancellationToken)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        return context.Response.Body.WriteAsync(Bytes(value), cancellationToken).AsTask();
    }

    /// <summary>OpenAI's form of an error.</summary>
    public static object Error(string type, string message) =>
        new { Error = new { Message = message, Type = type, Param = (string?)null, Code = (string?)null } };
}
