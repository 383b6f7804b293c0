using System.Reflection;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Journaling;
using Cuvee.Planning;

namespace Cuvee;

/// <summary>
/// What decides a run's numbers: search settings, seed, version and the SHA-256 of every input. Written to run.json before the first
/// query, so that a journal is
/// never continued with other inputs.
/// </summary>
public sealed class RunIdentity
{
    public const string FileName = "run.json";

    private RunIdentity(JsonObject search, ulong seed, SortedDictionary<string, string> inputs) =>
        (Search, Seed, Inputs) = (search, seed, inputs);

    public static string Version { get; } =
        typeof(RunIdentity).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
            ?? "unknown";

    /// <summary>Every setting of the search, decided.</summary>
    public JsonObject Search { get; }

    public ulong Seed { get; }

    /// <summary>Role and name, such as <c>pool/ner-snips/adapter_model.safetensors</c>, to lower-case SHA-256.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; }

    public static RunIdentity Of(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var configuration = plan.Configuration;
        var inputs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        void Add(string role, string path) => inputs.Add(role, Sha256(path));

        foreach (var path in Directory.GetFiles(configuration.Model).Where(path => Path.GetExtension(path) is ".json" or ".safetensors"))
        {
            Add($"model/{Path.GetFileName(path)}", path);
        }

        foreach (var name in plan.AdapterNames)
        {
            foreach (var file in (string[])["adapter_config.json", "adapter_model.safetensors"])
            {
                Add($"pool/{name}/{file}", Path.Combine(configuration.Pool.Path, name, file));
            }
        }

        Add("validation", configuration.Validation);
        return new RunIdentity((JsonObject)JsonSerializer.SerializeToNode(plan.Search, RunJson.Options)!, configuration.Seed, inputs);
    }

    public JsonObject ToJson() => new()
    {
        ["cuvee"] = Version,
        ["seed"] = Seed,
        ["search"] = Search.DeepClone(),
        ["inputs"] = JsonSerializer.SerializeToNode(Inputs, RunJson.Options),
    };

    /// <summary>Writes run.json, or compares with the one that is there.</summary>
    /// <exception cref="JournalException">The folder's run had other settings or inputs; the first difference is named.</exception>
    public void Claim(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            RunJson.Write(path, ToJson());
            return;
        }

        JsonNode? earlier;
        try
        {
            earlier = JsonNode.Parse(File.ReadAllText(path));
        }
        catch (JsonException exception)
        {
            throw new JournalException($"{path}: damaged; choose a new 'out'.", exception);
        }

        if (FirstDifference("", earlier, ToJson()) is { } difference)
        {
            throw new JournalException($"{path}: the run here differs in '{difference}'; restore it to resume, or choose a new 'out'.");
        }
    }

    private static string? FirstDifference(string path, JsonNode? earlier, JsonNode? now)
    {
        if (earlier is not JsonObject before || now is not JsonObject after) return JsonNode.DeepEquals(earlier, now) ? null : path;
        return before.Select(pair => pair.Key).Union(after.Select(pair => pair.Key))
            .Select(key => FirstDifference(path.Length == 0 ? key : $"{path}.{key}", before[key], after[key]))
            .FirstOrDefault(difference => difference is not null);
    }

    private static string Sha256(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
