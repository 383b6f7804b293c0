using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cuvee.Cli;

/// <summary>Results for machines: one JSON value a line, keys in snake case, numbers that round-trip.</summary>
internal static class JsonOutput
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // an infinite loss is a result, too
    };

    public static Option<bool> Option() => new("--json")
    {
        Description = "Print the result as JSON on standard output, everything else on standard error.",
    };

    public static string Line(object value) => JsonSerializer.Serialize(value, Options);
}
