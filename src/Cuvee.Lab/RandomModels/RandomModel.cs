using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference.Tokenization;
using Cuvee.Lab.Grammar;
using Cuvee.Numerics;

namespace Cuvee.Lab.RandomModels;

/// <summary>
/// A Hugging Face folder of a published shape with random weights, formed while they are written, and adapters for it: for measuring speed
/// and memory where no checkpoint can be had. Same seed, same bytes.
/// </summary>
internal sealed class RandomModel(LlamaConfig config, string baseName, ulong seed, ThreadTeam team)
{
    private const long MaxShardBytes = 2_000_000_000;
    private const double Deviation = 0.02;
    private const int TokenizerTexts = 2000;
    private const int MaxTokenizerSize = 2048;

    private readonly GaussianRows gaussians = new(seed, team);

    /// <summary>config.json, generation_config.json, weights in shards of at most 2 GB, and a small tokenizer.json.</summary>
    /// <returns>Parameters written.</returns>
    public long Write(string folder, TensorType type)
    {
        var tensors = LlamaTensorLayout.Tensors(config).Select(tensor => Source(tensor.Name, tensor.Shape)).ToArray();
        HuggingFaceModelWriter.Write(folder, config, tensors, type, MaxShardBytes);
        Tokenizer().Save(Path.Combine(folder, "tokenizer.json"));
        return tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (count, dimension) => count * dimension));
    }

    /// <summary>
    /// Adapters of all linears in bf16: LoraA as PEFT begins, LoraB as if trained, so that one changes a weight by a few percent.
    /// </summary>
    public void WriteAdapters(string folder, int count, int rank)
    {
        var modules = new List<(LoraModule Module, float[] LoraA, float[] LoraB)>(); // reused for one adapter after the other
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            foreach (var (path, outFeatures, inFeatures) in config.LinearModules)
            {
                var (loraA, loraB) = (new float[rank * inFeatures], new float[outFeatures * rank]);
                modules.Add((
                    new LoraModule($"model.layers.{layer}.{path}", inFeatures, outFeatures, rank, loraA, loraB, 1), loraA, loraB));
            }
        }

        modules.Sort((x, y) => string.CompareOrdinal(x.Module.Name, y.Module.Name));
        var adapterConfig = new PeftAdapterConfig
        {
            Rank = rank,
            LoraAlpha = rank,
            BaseModelNameOrPath = baseName,
            TaskType = "CAUSAL_LM",
        };
        for (var i = 0; i < count; i++)
        {
            var name = $"adapter-{i:D3}";
            foreach (var (module, loraA, loraB) in modules)
            {
                gaussians.Fill($"{name}.{module.Name}.lora_A", 0, module.InFeatures, 1 / Math.Sqrt(3.0 * module.InFeatures), loraA);
                gaussians.Fill($"{name}.{module.Name}.lora_B", 0, rank, Deviation, loraB);
            }

            var adapter = new PeftAdapter(name, adapterConfig, [.. modules.Select(each => each.Module)]);
            PeftWriter.Write(Path.Combine(folder, name), adapter, TensorType.BF16);
        }
    }

    /// <summary>Norms 1; what writes into the residual stream over sqrt(2 layers), so that its size does not grow with depth.</summary>
    private TensorSource Source(string name, IReadOnlyList<int> shape)
    {
        if (name.EndsWith("norm.weight", StringComparison.Ordinal)) return new TensorSource(name, shape, (_, rows) => rows.Span.Fill(1));
        var writes = name.EndsWith("o_proj.weight", StringComparison.Ordinal)
            || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
        var deviation = writes ? Deviation / Math.Sqrt(2.0 * config.NumHiddenLayers) : Deviation;
        return new TensorSource(name, shape, (firstRow, rows) => gaussians.Fill(name, firstRow, shape[^1], deviation, rows));
    }

    /// <summary>Byte-level BPE of the quick start's queries; the model's other ids stand for nothing.</summary>
    private Tokenizer Tokenizer()
    {
        var random = SeededRandom.Derive(seed, "tokenizer");
        return BpeTrainer.Train(
            Enumerable.Range(0, TokenizerTexts).Select(_ => RestaurantSample.Grammar.Sample("test", random).Text),
            Math.Min(config.VocabSize, MaxTokenizerSize));
    }
}
