using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Cuvee.Runs;

/// <summary>How run folders write JSON: snake_case, indented, one trailing newline, appearing whole or not at all.</summary>
internal static class RunJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
        NewLine = "\n",
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    public static void Write(string path, JsonNode node) => WriteText(path, node.ToJsonString(Options) + "\n");

    public static void WriteText(string path, string text) =>
        Formats.AtomicFile.WriteAllBytes(path, System.Text.Encoding.UTF8.GetBytes(text));
}
