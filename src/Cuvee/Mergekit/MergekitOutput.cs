using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Json;
using Cuvee.Formats.Safetensors;
using Cuvee.Runs;

namespace Cuvee.Mergekit;

/// <summary>What stands beside the weights of a merged checkpoint: configuration and tokenizer.</summary>
internal static class MergekitOutput
{
    private const string ConfigName = "config.json";

    private static readonly JsonDocumentKind Config = new("a model's configuration", MaxBytes: 64 << 20, MaxDepth: 64, "correct it");
    private static readonly JsonDocumentKind Tokenizer = new("a tokenizer", MaxBytes: 256 << 20, MaxDepth: 64, "fetch it again");
    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // What models call the number of their layers.
    private static readonly string[] LayerCounts = ["num_hidden_layers", "n_layer", "num_layers"];

    /// <param name="donor">Folder of the model whose configuration the result has: the base, else the first.</param>
    /// <param name="layers">Where each layer of the result comes from; null: the donor's number of them.</param>
    public static void Write(
        MergekitFile file, string donor, IReadOnlyList<(string Folder, int Layer)>? layers, TensorType type, ulong seed, string folder)
    {
        if (File.Exists(Path.Combine(donor, ConfigName)))
        {
            var config = ReadConfig(donor);
            if (layers is not null) SetLayers(config, donor, layers);
            string[] names = [.. ((string[])["torch_dtype", "dtype"]).Where(config.ContainsKey)];
            foreach (var name in names.Length > 0 ? names : ["torch_dtype"]) config[name] = NameOf(type);
            AtomicFile.WriteAllBytes(
                Path.Combine(folder, ConfigName), Encoding.UTF8.GetBytes(config.ToJsonString(Indented) + "\n"));
        }

        const string generation = "generation_config.json";
        if (File.Exists(Path.Combine(donor, generation)))
            File.Copy(Path.Combine(donor, generation), Path.Combine(folder, generation));
        TokenizerFiles.Copy(TokenizerFolder(file, donor), folder);
        AtomicFile.WriteAllBytes(Path.Combine(folder, "mergekit_config.yml"), Encoding.UTF8.GetBytes(file.Text));
        AtomicFile.WriteAllBytes(Path.Combine(folder, "README.md"), Encoding.UTF8.GetBytes(Card(file, type, seed)));
    }

    /// <summary>Embeddings are merged row by row, so that one vocabulary must mean the same rows in every model.</summary>
    /// <exception cref="BadInputException">Vocabularies differ, or the source is none of the models.</exception>
    public static void RequireOneVocabulary(MergekitFile file, string source, IReadOnlyList<string> models)
    {
        if (source == "base" && file.BaseModel is null)
            throw new BadInputException($"{file.File}: 'tokenizer_source' is base, but there is no 'base_model'; add it.");
        if (source is not ("base" or "union") && !models.Contains(file.FolderOf(ModelOf(source))))
        {
            throw new BadInputException(
                $"{file.File}: 'tokenizer_source' is '{source}', none of the models; use base, union or one of them.");
        }

        var first = Vocabulary(models[0]);
        foreach (var model in models.Skip(1))
        {
            if (Vocabulary(model) is var other && (other.Count != first.Count || other.Except(first).Any()))
            {
                throw new BadInputException(
                    $"{file.File}: the vocabularies of {models[0]} and {model} differ, and 'tokenizer_source' asks for tokens to be " +
                    "matched, which Cuvee does not do; merge models of one vocabulary.");
            }
        }
    }

    private static string Card(MergekitFile file, TensorType type, ulong seed) => $"""
        ---
        tags: [merge]
        ---
        # Merged model

        Made by Cuvee {RunIdentity.Version} from whole checkpoints, method {file.Method.Name} ({file.Method.Reference}), stored as {type}.
        Random drops, if the method has any: seed {seed}. The configuration, in mergekit's form (`mergekit_config.yml`):

        ```yaml
        {file.Text.TrimEnd()}
        ```

        """.ReplaceLineEndings("\n");

    private static string TokenizerFolder(MergekitFile file, string donor) => file.TokenizerSource is { } source and not ("base" or "union")
        ? file.FolderOf(ModelOf(source))
        : donor;

    private static string ModelOf(string source) => source.StartsWith("model:", StringComparison.Ordinal) ? source[6..] : source;

    private static JsonObject ReadConfig(string folder)
    {
        using var json = JsonFile.Read(Path.Combine(folder, ConfigName), Config);
        return json.Root.IsObject
            ? JsonObject.Create(json.Root.Value.Clone())!
            : throw json.Root.Error("is no JSON object; fetch the model again");
    }

    private static void SetLayers(JsonObject config, string donor, IReadOnlyList<(string Folder, int Layer)> layers)
    {
        var key = LayerCounts.FirstOrDefault(config.ContainsKey) ?? throw new BadInputException(
            $"{Path.Combine(donor, ConfigName)}: has none of the keys {string.Join(", ", LayerCounts)}; add the model's number of layers.");
        config[key] = layers.Count;
        if (config["layer_types"] is not JsonArray) return;
        var types = new JsonArray();
        var known = new Dictionary<string, JsonArray>(StringComparer.Ordinal);
        foreach (var (folder, layer) in layers)
        {
            if (!known.TryGetValue(folder, out var own)) known.Add(folder, own = ReadConfig(folder)["layer_types"] as JsonArray ?? []);
            if (layer >= own.Count)
                throw new BadInputException($"{Path.Combine(folder, ConfigName)}: 'layer_types' has no entry for layer {layer}; add it.");
            types.Add(own[layer]?.DeepClone());
        }

        config["layer_types"] = types;
    }

    // Token and id, added tokens included.
    private static HashSet<string> Vocabulary(string folder)
    {
        var path = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(path))
        {
            var pieces = Path.Combine(folder, "tokenizer.model");
            return File.Exists(pieces)
                ? [Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(pieces)))]
                : throw new BadInputException($"{path}: the file is missing, so that vocabularies cannot be compared; fetch it.");
        }

        using var json = JsonFile.Read(path, Tokenizer);
        var entries = new HashSet<string>(StringComparer.Ordinal);
        var vocabulary = json.Root["model"]["vocab"];
        if (vocabulary.IsList) entries.UnionWith(vocabulary.Items().Select((piece, id) => $"{id} {piece.Value.GetRawText()}"));
        else entries.UnionWith(vocabulary.Members().Select(token => $"{token.Value.Value.GetRawText()} {token.Key}"));
        foreach (var token in json.Root.Find("added_tokens")?.Items() ?? [])
            entries.Add($"{token["id"].Integer(0)} {token["content"].Text()}");
        return entries;
    }

    private static string NameOf(TensorType type) => type switch
    {
        TensorType.BF16 => "bfloat16",
        TensorType.F16 => "float16",
        _ => "float32",
    };
}
