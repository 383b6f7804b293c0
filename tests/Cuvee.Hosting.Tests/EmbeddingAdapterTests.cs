using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Tests;

/// <summary>LoRA on embedding and head, and DoRA: the engine against weights that were changed by hand.</summary>
public sealed class EmbeddingAdapterTests
{
    private const string Up = "model.layers.1.mlp.up_proj";

    [Theory]
    [InlineData("model.embed_tokens", false)]
    [InlineData("lm_head", false)]
    [InlineData("model.embed_tokens", true)]
    [InlineData("lm_head", true)]
    public async Task Create_EmbeddingOrHead_IsAddedToItAlone(string module, bool tied)
    {
        var weights = Weights(tied);
        var adapter = Adapter(module);
        using var model = new EmbeddedModel(weights, TinyModel.Tokenizer, 1);
        var expected = weights.ToTensors().ToDictionary(tensor => tensor.Name, tensor => tensor.Values);
        if (tied) expected[LlamaTensorLayout.LmHead] = [.. expected[LlamaTensorLayout.EmbedTokens]]; // the other one stays
        Add(adapter.Modules[0], expected[module + ".weight"]);
        using var untied = new EmbeddedModel(Untied(weights.Config, expected), TinyModel.Tokenizer, 1);
        var scores = await TinyModel.ScoreAsync(untied);
        TinyModel.AssertEqual(scores, await TinyModel.ScoreAsync(AdaptedModel.Create(model, adapter)));
        TinyModel.AssertDifferent(await TinyModel.ScoreAsync(model), scores);
    }

    [Fact]
    public async Task RealizeAsync_OneCandidateAfterTheOther_FormsTheEmbeddingAnew()
    {
        using var model = TinyModel.Model();
        var pool = new AdapterPool([Adapter("model.embed_tokens"), TinyModel.Adapter("linear", 3)]);
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(pool));
        async Task<double[]> Score(double embedding, double linear)
        {
            await using var lease = await host.RealizeAsync(
                new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("x", embedding), new AdapterShare("linear", linear)]), CancellationToken.None);
            return await TinyModel.ScoreAsync(lease.Model);
        }

        var first = await Score(1, 0.5);
        TinyModel.AssertDifferent(first, await Score(-1, 0.5));
        Assert.Equal(first, await Score(1, 0.5));
    }

    [Theory]
    [InlineData("model.embed_tokens")]
    [InlineData("lm_head")]
    public async Task Write_FoldedTiedModel_PartsHeadAndEmbedding(string module)
    {
        var folder = Directory.CreateTempSubdirectory("cuvee-fold-").FullName;
        try
        {
            var (source, target) = (Path.Combine(folder, "base"), Path.Combine(folder, "folded"));
            var weights = Weights(tied: true);
            HuggingFaceModelWriter.Write(source, weights.Config, weights.ToTensors().Select(tensor => tensor.ToSource()), TensorType.F32);
            TinyModel.Tokenizer.Save(Path.Combine(source, "tokenizer.json"));
            var adapter = Adapter(module);
            var recipe = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("x", 1)]);
            FoldedModel.Write(ModelFolder.Open(source), new RecipeMerger(new AdapterPool([adapter])), recipe, target, TensorType.F32);
            using var model = EmbeddedModel.Load(source, 1);
            using var folded = EmbeddedModel.Load(target, 1);
            Assert.False(folded.Weights.Config.TieWordEmbeddings);
            TinyModel.AssertEqual(await TinyModel.ScoreAsync(AdaptedModel.Create(model, adapter)), await TinyModel.ScoreAsync(folded));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Create_Dora_EqualsTheFoldedCheckpoint()
    {
        var folder = Directory.CreateTempSubdirectory("cuvee-dora-").FullName;
        try
        {
            var (source, target) = (Path.Combine(folder, "base"), Path.Combine(folder, "folded"));
            var weights = Weights(tied: false);
            HuggingFaceModelWriter.Write(source, weights.Config, weights.ToTensors().Select(tensor => tensor.ToSource()), TensorType.F32);
            TinyModel.Tokenizer.Save(Path.Combine(source, "tokenizer.json"));
            var plain = TinyModel.Adapter("x", 5);
            var dora = plain with { Modules = [.. plain.Modules.Select(module => module with { Magnitude = Magnitudes(module.OutFeatures) })] };
            var pool = new AdapterPool([dora]);
            var recipe = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("x", 1)]);
            FoldedModel.Write(ModelFolder.Open(source), new RecipeMerger(pool.On(weights.Find)), recipe, target, TensorType.F32);
            using var model = EmbeddedModel.Load(source, 1);
            using var folded = EmbeddedModel.Load(target, 1);
            var row = new float[TinyModel.Config.HiddenSize];
            folded.Weights.Find(Up)!.ReadRow(3, row);
            Assert.Equal(Magnitudes(4)[3], Math.Sqrt(row.Sum(value => (double)value * value)), 1e-4);
            var scores = await TinyModel.ScoreAsync(folded);
            TinyModel.AssertEqual(scores, await TinyModel.ScoreAsync(AdaptedModel.Create(model, dora)));
            TinyModel.AssertDifferent(await TinyModel.ScoreAsync(AdaptedModel.Create(model, plain)), scores);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static float[] Magnitudes(int count) => [.. Enumerable.Range(0, count).Select(row => 0.8f + (row % 3 * 0.3f))];

    private static LlamaWeights Weights(bool tied)
    {
        var weights = TinyModel.Weights();
        if (!tied) return weights;
        var config = weights.Config with { TieWordEmbeddings = true };
        return LlamaWeights.FromTensors(config, weights.ToTensors().Where(tensor => tensor.Name != LlamaTensorLayout.LmHead));
    }

    private static LlamaWeights Untied(LlamaConfig config, Dictionary<string, float[]> values)
    {
        var untied = config with { TieWordEmbeddings = false };
        return LlamaWeights.FromTensors(
            untied, LlamaTensorLayout.Tensors(untied).Select(tensor => new TensorData(tensor.Name, tensor.Shape, values[tensor.Name])));
    }

    private static PeftAdapter Adapter(string module)
    {
        var random = new SeededRandom(9);
        float[] Gaussian(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(0.3 * random.NextGaussian()))];
        var (vocabulary, hidden) = (TinyModel.Config.VocabSize, TinyModel.Config.HiddenSize);
        return new PeftAdapter(
            "x", new PeftAdapterConfig { Rank = 3, LoraAlpha = 6 },
            [new LoraModule(module, hidden, vocabulary, 3, Gaussian(3 * hidden), Gaussian(vocabulary * 3), 2)]);
    }

    private static void Add(LoraModule module, float[] weight)
    {
        var (a, b) = (module.LoraA.ToSingles(), module.LoraB.ToSingles());
        for (var row = 0; row < module.OutFeatures; row++)
        {
            for (var column = 0; column < module.InFeatures; column++)
            {
                double sum = 0;
                for (var k = 0; k < module.Rank; k++) sum += (double)b[(row * module.Rank) + k] * a[(k * module.InFeatures) + column];
                weight[(row * module.InFeatures) + column] += (float)(module.Scaling * sum);
            }
        }
    }
}
