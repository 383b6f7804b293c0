using Cuvee.Formats.Json;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.HuggingFace;

public static class HuggingFaceModelReader
{
    public const string WeightsFileName = "model.safetensors";

    public const string IndexFileName = "model.safetensors.index.json";

    /// <summary>Whether a folder holds a model's weights, in one file or several.</summary>
    public static bool HoldsWeights(string folder) =>
        File.Exists(Path.Combine(folder, WeightsFileName)) || File.Exists(Path.Combine(folder, IndexFileName));

    // Names listed in a message before it says "and N more".
    private const int ListedNames = 5;

    /// <summary>
    /// Reads config.json and generation_config.json; refuses what the engine does not compute (quantized weights, YaRN, windows in some
    /// layers ...) by key.
    /// </summary>
    /// <exception cref="BadInputException">A file is absent or broken, or the model is none that the engine computes.</exception>
    public static LlamaConfig ReadConfig(string folder) => LlamaConfigFile.Read(folder);

    /// <summary>Whether config.json ties the head to the embedding, whatever the architecture; not without the file or its key.</summary>
    /// <exception cref="BadInputException">The file is broken.</exception>
    public static bool TiesHead(string folder) => LlamaConfigFile.TiesHead(folder);

    /// <summary>
    /// All tensors of model.safetensors (or the shards of model.safetensors.index.json), checked against the config's shapes. Key: on-disk
    /// name; [out, in] as stored, vectors as one row; the files stay mapped while a matrix is in use.
    /// </summary>
    /// <remarks>
    /// A stored <c>lm_head.weight</c> of a tied model is checked to equal the embedding and left out; <c>rotary_emb.inv_freq</c> is
    /// skipped.
    /// </remarks>
    /// <exception cref="BadInputException">A file is absent or broken, or a tensor is missing, unexpected or of another
    /// shape.</exception>
    public static IReadOnlyDictionary<string, StoredMatrix> ReadWeights(string folder, LlamaConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var shards = new List<SafetensorsReader>();
        try
        {
            var tensors = OpenShards(folder, shards);
            Check(folder, config, tensors);
            CheckTiedHead(config, tensors);
            var names = LlamaTensorLayout.Tensors(config).Select(tensor => tensor.Name).ToArray();
            var matrices = new StoredMatrix[names.Length];
            using var team = new ThreadTeam();
            team.Run(names.Length, i => matrices[i] = tensors[names[i]].Matrix(names[i])); // looks at every value
            return names.Zip(matrices).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
        }
        finally
        {
            shards.ForEach(shard => shard.Dispose());
        }
    }

    /// <summary>Which open file holds each tensor.</summary>
    /// <param name="wholeNumbers">Accept tensors of whole numbers.</param>
    internal static Dictionary<string, SafetensorsReader> OpenShards(
        string folder, List<SafetensorsReader> shards, bool wholeNumbers = false)
    {
        var single = Path.Combine(folder, WeightsFileName);
        var index = Path.Combine(folder, IndexFileName);
        if (!File.Exists(single) && !File.Exists(index))
        {
            var mend = File.Exists(Path.Combine(folder, "pytorch_model.bin"))
                ? "convert pytorch_model.bin, a pickle that can run code"
                : "fetch the weights";
            throw new BadInputException($"{single}: the file is missing; {mend}.");
        }

        var map = File.Exists(single) ? null : ReadIndex(index);
        var tensors = new Dictionary<string, SafetensorsReader>(StringComparer.Ordinal);
        foreach (var name in map?.Values.Distinct().Order(StringComparer.Ordinal).ToArray() ?? [WeightsFileName])
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path))
                throw new BadInputException($"{path}: the file is missing, though {IndexFileName} names it; fetch it.");
            var shard = SafetensorsReader.Open(path, wholeNumbers);
            shards.Add(shard);
            foreach (var tensor in shard.Entries.Keys)
            {
                if (map is not null && map.GetValueOrDefault(tensor) != name)
                    throw new BadInputException($"{path}: tensor '{tensor}' is not listed for this file in {IndexFileName}; " +
                        "fetch both again.");
                tensors.Add(tensor, shard);
            }
        }

        foreach (var (tensor, name) in map ?? [])
        {
            if (!tensors.ContainsKey(tensor))
            {
                throw new BadInputException(
                    $"{Path.Combine(folder, name)}: tensor '{tensor}' is missing, though {IndexFileName} lists it for this file; fetch " +
                    "both again.");
            }
        }

        return tensors;
    }

    /// <summary>Tensor name to shard file name.</summary>
    private static Dictionary<string, string> ReadIndex(string path)
    {
        using var file = JsonFile.Read(path, LlamaConfigFile.Kind);
        var shards = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (tensor, name) in file.Root["weight_map"].Members())
        {
            var shard = name.Text();
            // A path would let a downloaded model open files outside of its folder.
            if (shard.AsSpan().ContainsAny('/', '\\', '\0') || !shard.EndsWith(".safetensors", StringComparison.Ordinal))
                throw name.Error($"is {name.Shown}, not the name of a .safetensors file beside it; correct it");
            shards.Add(tensor, shard);
        }

        return shards;
    }

    private static void Check(string folder, LlamaConfig config, Dictionary<string, SafetensorsReader> tensors)
    {
        var expected = LlamaTensorLayout.Shapes(config);
        Refuse(folder, "are missing; fetch the whole model", expected.Keys.Where(name => !tensors.ContainsKey(name)));
        const string unexpected = "are unexpected in this architecture; use a plain model";
        Refuse(folder, unexpected, tensors.Keys.Where(name => !expected.ContainsKey(name)
            && !name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
            && !(name == LlamaTensorLayout.LmHead && config.TieWordEmbeddings)));
        foreach (var (name, shape) in expected)
        {
            if (!tensors[name].Entries[name].Shape.SequenceEqual(shape))
                throw WrongShape(tensors[name], name, shape);
        }
    }

    /// <param name="place">The folder or file of the tensors.</param>
    /// <exception cref="BadInputException">There are <paramref name="names"/>.</exception>
    internal static void Refuse(string place, string problem, IEnumerable<string> names)
    {
        var all = names.Order(StringComparer.Ordinal).ToList();
        if (all.Count == 0) return;
        var more = all.Count > ListedNames ? $" and {all.Count - ListedNames} more" : "";
        throw new BadInputException($"{place}: tensors " +
            $"{string.Join(", ", all.Take(ListedNames).Select(name => $"'{name}'"))}{more} {problem}.");
    }

    private static BadInputException WrongShape(SafetensorsReader shard, string name, IReadOnlyList<int> shape) => new(
        $"{shard.Path}: tensor '{name}' has shape [{string.Join(", ", shard.Entries[name].Shape)}], but {LlamaConfigFile.FileName} makes " +
        $"it [{string.Join(", ", shape)}]; use matching files.");

    /// <summary>A tied model computes with the embedding; a stored head that differs means that one of the two is wrong.</summary>
    private static void CheckTiedHead(LlamaConfig config, Dictionary<string, SafetensorsReader> tensors)
    {
        if (!config.TieWordEmbeddings || !tensors.TryGetValue(LlamaTensorLayout.LmHead, out var head)) return;
        int[] shape = [config.VocabSize, config.HiddenSize];
        if (!head.Entries[LlamaTensorLayout.LmHead].Shape.SequenceEqual(shape)) throw WrongShape(head, LlamaTensorLayout.LmHead, shape);
        var embedding = tensors[LlamaTensorLayout.EmbedTokens].Matrix(LlamaTensorLayout.EmbedTokens);
        if (!embedding.HasValuesOf(head.Matrix(LlamaTensorLayout.LmHead)))
        {
            throw new BadInputException(
                $"{head.Path}: tensor '{LlamaTensorLayout.LmHead}' differs from the embedding that 'tie_word_embeddings' ties it to; set " +
                "that to false.");
        }
    }
}
