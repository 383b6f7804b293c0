using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Formats.Json;

namespace Cuvee.Server.Keys;

/// <summary>
/// The keys that may ask, as <c>{"keys": [{"name", "sha256", "rights"?, "requests_per_minute"?, "tokens_per_minute"?, "max_body_bytes"?,
/// "max_sessions"?}]}</c>. A key is 256 random bits, so that its bare SHA-256 gives nothing away.
/// </summary>
public static class KeyFile
{
    private const string Prefix = "cuvee-";

    private static readonly JsonDocumentKind Kind = new("a keys file", MaxBytes: 16 << 20, MaxDepth: 5, "correct it");

    private static readonly JsonSerializerOptions Writing = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    /// <exception cref="BadInputException">Missing or broken; names the field.</exception>
    public static IReadOnlyList<KeyEntry> Read(string path)
    {
        using var file = JsonFile.Read(path, Kind);
        file.Root.RequireOnly("keys");
        var entries = file.Root["keys"].Items().Select(ReadEntry).ToList();
        if (entries.GroupBy(entry => entry.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw file.Root.Error("keys", $"has two entries of the name '{twice.Key}'; remove one");
        if (entries.GroupBy(entry => entry.Sha256, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } same)
            throw file.Root.Error("keys", $"has one key under two names, '{same.First().Name}' and another; remove one");
        return entries;
    }

    /// <summary>Adds a new key to the file, which is made when there is none.</summary>
    /// <returns>The key, which is written nowhere else.</returns>
    /// <exception cref="BadInputException">The file is broken or has the name already.</exception>
    public static string Create(string path, string name)
    {
        var entries = File.Exists(path) ? Read(path) : [];
        if (entries.Any(entry => entry.Name == name))
            throw new BadInputException($"{path}: has a key of the name '{name}' already; remove its entry or choose another name.");
        var key = Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var document = new { Keys = entries.Append(new KeyEntry(name, Hash(key))) };
        AtomicFile.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(document, Writing));
        return key;
    }

    internal static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private static KeyEntry ReadEntry(JsonField entry)
    {
        entry.RequireOnly("name", "sha256", "rights", "requests_per_minute", "tokens_per_minute", "max_body_bytes", "max_sessions");
        var hash = entry["sha256"].Text();
        if (hash.Length != 64 || !hash.All(char.IsAsciiHexDigitLower))
            throw entry.Error("sha256", "is not 64 lower-case hexadecimal digits; create the key with --create-key");
        return new KeyEntry(
            entry["name"].Text(), hash, entry.Find("requests_per_minute")?.Integer(1), entry.Find("tokens_per_minute")?.Integer(1),
            entry.Find("max_body_bytes")?.Long(1), entry.Find("max_sessions")?.Integer(0), entry.Find("rights") is { } rights
                ? [.. rights.Items().Select(ReadRight)]
                : null);
    }

    private static string ReadRight(JsonField field) => KeyRights.All.Contains(field.Text())
        ? field.Text()
        : throw field.Error($"is {field.Shown}, which is no right; choose among {string.Join(", ", KeyRights.All)}");
}

/// <summary>One key at rest. Limits that are null do not hold.</summary>
/// <param name="Name">For people and logs.</param>
/// <param name="Sha256">Of the key's UTF-8 text; lower-case hexadecimal.</param>
/// <param name="RequestsPerMinute">Refilled evenly.</param>
/// <param name="TokensPerMinute">Prompts, scored tokens and the most that a request may generate.</param>
/// <param name="MaxBodyBytes">Where it is below the server's own.</param>
/// <param name="MaxSessions">Open at the same time; null: the server's own limit.</param>
/// <param name="Rights">Of <see cref="KeyRights"/>; null: all.</param>
public sealed record KeyEntry(
    string Name, string Sha256, int? RequestsPerMinute = null, int? TokensPerMinute = null, long? MaxBodyBytes = null,
    int? MaxSessions = null, IReadOnlyList<string>? Rights = null);
