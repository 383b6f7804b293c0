using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Tests;

/// <summary>
/// A two-layer Llama with seeded random weights, grouped-query attention and an untied head, and adapters that change its answers clearly.
/// </summary>
internal static class TinyModel
{
    public static Tokenizer Tokenizer { get; } = BpeTrainer.Train(
        ["find the places: a cheap place near the river serves noodles", "type: span"], 280);

    public static IReadOnlyList<PromptCompletion> Records { get; } =
    [
        new("0", "find the places: cheap noodles", "type: place"),
        new("1", "a river near the place", "none"),
        new("2", "serves", "type: span; type: a longer answer than the others have"),
    ];

    public static LlamaConfig Config { get; } = new()
    {
        HiddenSize = 24,
        IntermediateSize = 40,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 6,
        VocabSize = Tokenizer.VocabSize,
        MaxPositionEmbeddings = 128,
        EosTokenIds = [Tokenizer.Encode(BpeTrainer.EndOfText, addSpecialTokens: false)[0]],
    };

    public static IReadOnlyList<(string Name, int OutFeatures, int InFeatures)> Modules { get; } =
        [.. Enumerable.Range(0, Config.NumHiddenLayers).SelectMany(layer => Config.LinearModules.Select(linear =>
            ($"model.layers.{layer}.{linear.Path}", linear.OutFeatures, linear.InFeatures)))];

    public static LlamaWeights Weights()
    {
        var random = new SeededRandom(11);
        var tensors = LlamaTensorLayout.Tensors(Config).Select(tensor => new Formats.Safetensors.TensorData(
            tensor.Name, tensor.Shape, Gaussian(random, tensor.Shape.Aggregate((x, y) => x * y), tensor.Shape.Count == 1 ? 1 : 0.25)));
        return LlamaWeights.FromTensors(Config, tensors);
    }

    public static EmbeddedModel Model(int? threads = 1) => new(Weights(), Tokenizer, threads);

    public static PeftAdapter Adapter(string name, ulong seed, int rank = 3, Func<string, bool>? adapts = null)
    {
        var random = new SeededRandom(seed);
        return new PeftAdapter(
            name,
            new PeftAdapterConfig { Rank = rank, LoraAlpha = 2 * rank },
            [.. Modules.Where(module => adapts?.Invoke(module.Name) ?? true).OrderBy(module => module.Name, StringComparer.Ordinal)
                .Select(module => new LoraModule(
                module.Name, module.InFeatures, module.OutFeatures, rank,
                Gaussian(random, rank * module.InFeatures, 0.2), Gaussian(random, module.OutFeatures * rank, 0.2), 2))]);
    }

    public static AdapterPool Pool(int count = 4) =>
        new([.. Enumerable.Range(0, count).Select(i => Adapter($"adapter-{i}", (ulong)i + 1))]);

    public static async Task<double[]> ScoreAsync(ILanguageModel model) =>
        [.. (await model.ScoreAsync(Records, CancellationToken.None)).Select(score => score.LogProbability)];

    /// <summary>The project's notion of equal models: 1e-4 * max(1, |v|) on every record's log-probability.</summary>
    public static void AssertEqual(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-4 * Math.Max(1, Math.Abs(expected[i])));
    }

    public static void AssertDifferent(double[] expected, double[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.True(Math.Abs(pair.First - pair.Second) > 0.01, $"{pair.First} and {pair.Second}"));

    private static float[] Gaussian(SeededRandom random, int count, double deviation) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(deviation * random.NextGaussian()))];
}
