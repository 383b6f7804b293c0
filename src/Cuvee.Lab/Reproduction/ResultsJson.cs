using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cuvee.Formats;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// EXPERIMENT.json: an experiment's results in snake case, fractions in [0, 1], losses in nats per token. Same results, same bytes.
/// </summary>
internal static class ResultsJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
        NewLine = "\n",
    };

    private static readonly JsonSerializerOptions OneLine = new(Options) { WriteIndented = false };

    public static string PathOf(string folder, string experiment) => Path.Combine(folder, experiment + ".json");

    public static void Write<T>(string path, T results)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.WriteAllBytes(path, Encoding.UTF8.GetBytes(JsonSerializer.Serialize(results, Options) + "\n"));
    }

    /// <returns>Null where the text is no such object.</returns>
    public static T? TryParse<T>(ReadOnlySpan<byte> json)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>In one line.</summary>
    public static byte[] LineOf<T>(T value) => [.. JsonSerializer.SerializeToUtf8Bytes(value, OneLine), (byte)'\n'];

    /// <exception cref="BadInputException">The file is missing or holds something else.</exception>
    public static T Read<T>(string path)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllBytes(path), Options)
                ?? throw new BadInputException($"{path}: is null, not an experiment's results; run the experiment again.");
        }
        catch (JsonException exception)
        {
            var place = exception.Path is { Length: > 1 } at ? $"'{at[2..]}': " : "";
            throw new BadInputException(
                $"{path}: {place}not an experiment's results ({exception.Message.Split(". ")[0].Split(" Path:")[0].TrimEnd('.')}); " +
                "run the experiment again.",
                exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(
                $"{path}: cannot be read ({exception.Message.TrimEnd('.')}); run the experiment first, without --render-only.", exception);
        }
    }
}
