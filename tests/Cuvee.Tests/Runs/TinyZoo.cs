using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Tests.Runs;

internal static class MeanLoss
{
    /// <summary>Nats per token, by its definition.</summary>
    public static double Of(IReadOnlyList<ScoredCompletion> scores) =>
        -scores.Sum(score => score.LogProbability) / scores.Sum(score => score.Tokens);
}

/// <summary>
/// A random two-block Llama, adapters and records of the project's own words, in a temporary folder that goes away with the object.
/// </summary>
public sealed class TinyZoo : IDisposable
{
    private static readonly string[] Words = ["red", "blue", "green", "soup", "bread", "plum", "river", "stone", "cloud", "lamp"];

    public TinyZoo(int adapters = 3, int records = 24, int? oddRank = null, int contextLength = 128)
    {
        Folder = Directory.CreateTempSubdirectory("cuvee-runs-").FullName;
        var tokenizer = BpeTrainer.Train(Records("seed", 60).SelectMany(record => (string[])[record.Prompt, record.Completion]), 300);
        Config = new LlamaConfig
        {
            HiddenSize = 16,
            IntermediateSize = 24,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 2,
            HeadDim = 8,
            VocabSize = tokenizer.VocabSize,
            MaxPositionEmbeddings = contextLength,
            TieWordEmbeddings = true,
            BosTokenId = 0,
            EosTokenIds = [1],
        };
        HuggingFaceModelWriter.Write(ModelFolder, Config, Weights(Config), TensorType.F32);
        tokenizer.Save(Path.Combine(ModelFolder, "tokenizer.json"));
        for (var i = 0; i < adapters; i++) WriteAdapter($"adapter-{(char)('a' + i)}", i == adapters - 1 ? oddRank ?? 2 : 2, (ulong)i);
        RecordFile.Write(Path.Combine(Folder, "validation.jsonl"), Records("validation", records));
        RecordFile.Write(Path.Combine(Folder, "test.jsonl"), Records("test", 12));
    }

    public string Folder { get; }

    public string ModelFolder => Path.Combine(Folder, "model");

    public string PoolFolder => Path.Combine(Folder, "pool");

    public LlamaConfig Config { get; }

    /// <param name="more">Further YAML lines; the file stands in <see cref="Folder"/>.</param>
    /// <param name="catalog">What the file may name; null for the default.</param>
    /// <param name="model">What stands behind <c>model:</c>.</param>
    public RunConfiguration Configure(string more, string output = "out", Catalog? catalog = null, string model = "model") =>
        RunConfiguration.Parse(RunText(more, output, model), Path.Combine(Folder, "run.yaml"), catalog);

    /// <summary>The run file on the disk.</summary>
    public string WriteRun(string more)
    {
        var file = Path.Combine(Folder, "run.yaml");
        File.WriteAllText(file, RunText(more, "out"));
        return file;
    }

    /// <summary>Scale of the adapter's random factors: 0 makes it do nothing.</summary>
    public void WriteAdapter(string name, int rank, ulong seed, float scale = 0.3f)
    {
        var random = SeededRandom.Derive(seed, "adapter");
        var modules = Enumerable.Range(0, Config.NumHiddenLayers).SelectMany(layer => Config.LinearModules.Select(module => new LoraModule(
            $"model.layers.{layer}.{module.Path}", module.InFeatures, module.OutFeatures, rank,
            Gaussians(rank * module.InFeatures, scale, random), Gaussians(module.OutFeatures * rank, scale, random), 1)));
        WriteAdapter(name, rank, modules);
    }

    public void WriteAdapter(string name, int rank, IEnumerable<LoraModule> modules) => PeftWriter.Write(
        Path.Combine(PoolFolder, name),
        new PeftAdapter(
            name,
            new PeftAdapterConfig { Rank = rank, LoraAlpha = rank, BaseModelNameOrPath = "tiny" },
            [.. modules.OrderBy(module => module.Name, StringComparer.Ordinal)]),
        TensorType.F32);

    /// <summary>A whole model of the pool: the base and Gaussian noise of that deviation on every tensor.</summary>
    public void WriteModel(string name, ulong seed, float deviation = 0.05f)
    {
        var random = SeededRandom.Derive(seed, "model");
        var folder = Path.Combine(PoolFolder, name);
        HuggingFaceModelWriter.Write(
            folder, Config,
            Weights(Config).Select(tensor => tensor with
            {
                Values = [.. tensor.Values.Select(x => x + (deviation * (float)random.NextGaussian()))],
            }),
            TensorType.F32);
        TokenizerFiles.Copy(ModelFolder, folder);
    }

    /// <summary>The base as <c>model.gguf</c>, of whose tokenizer it holds nothing but the number of tokens: <c>tokenizer.json</c> lies
    /// beside it. The path.</summary>
    public string WriteGguf()
    {
        var path = Path.Combine(Folder, "model.gguf");
        GgufModelWriter.Write(
            path, "tiny", Config,
            metadata =>
            {
                metadata.Add(GgufKeys.Tokens, [.. Enumerable.Range(0, Config.VocabSize).Select(id => $"t{id}")]);
                metadata.Add(GgufKeys.Eos, (uint)Config.EosTokenIds[0]);
            },
            HuggingFaceModelReader.ReadWeights(ModelFolder, Config), StorageFormat.F32);
        File.Copy(Path.Combine(ModelFolder, "tokenizer.json"), Path.Combine(Folder, "tokenizer.json"));
        return path;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static string RunText(string more, string output, string model = "model") =>
        $"model: {model}\npool: {{ path: pool }}\nvalidation: validation.jsonl\ntest: test.jsonl\nout: {output}\n{more}\n";

    private static List<PromptCompletion> Records(string name, int count)
    {
        var random = SeededRandom.Derive(9, name);
        string Word() => Words[random.NextInt32(Words.Length)];
        return [.. Enumerable.Range(0, count).Select(i =>
            new PromptCompletion($"{name}-{i}", $"{Word()} {Word()} {i}", $"{Word()} {Word()}"))];
    }

    private static IEnumerable<TensorData> Weights(LlamaConfig config)
    {
        var random = new SeededRandom(3);
        TensorData Matrix(string name, int rows, int columns) => new(name, [rows, columns], Gaussians(rows * columns, 0.25f, random));
        TensorData Ones(string name) => new(name, [config.HiddenSize], [.. Enumerable.Repeat(1f, config.HiddenSize)]);
        yield return Matrix("model.embed_tokens.weight", config.VocabSize, config.HiddenSize);
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            yield return Ones($"model.layers.{layer}.input_layernorm.weight");
            yield return Ones($"model.layers.{layer}.post_attention_layernorm.weight");
            foreach (var (path, outFeatures, inFeatures) in config.LinearModules)
                yield return Matrix($"model.layers.{layer}.{path}.weight", outFeatures, inFeatures);
        }

        yield return Ones("model.norm.weight");
    }

    private static float[] Gaussians(int count, float scale, SeededRandom random)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++) values[i] = scale * (float)random.NextGaussian();
        return values;
    }
}
