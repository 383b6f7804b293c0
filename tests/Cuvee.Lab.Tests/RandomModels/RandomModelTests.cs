using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.RandomModels;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Lab.Tests.RandomModels;

public sealed class RandomModelTests : IDisposable
{
    private static readonly PromptCompletion[] Records = [new("0", "find me a cheap place", " in the centre"), new("1", "any", " soup")];

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-random-").FullName;

    public static TheoryData<string> Families => ["tiny", "llama-3.2-1b", "mistral-7b", "qwen2.5-0.5b", "qwen3-0.6b"];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [MemberData(nameof(Families))]
    public async Task Write_FamilyMadeSmall_LoadsAndScoresNearUniformWithAndWithoutAdapter(string shape)
    {
        var config = ModelShapes.All[shape] with
        {
            HiddenSize = 64,
            IntermediateSize = 96,
            NumHiddenLayers = 4,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            HeadDim = 16,
            VocabSize = 1024,
        };
        using var team = new ThreadTeam(2);
        var random = new RandomModel(config, shape, 1, team);
        var modelFolder = Path.Combine(folder, "model");
        var parameters = random.Write(modelFolder, TensorType.BF16);
        random.WriteAdapters(Path.Combine(folder, "pool"), 2, 4);

        var read = HuggingFaceModelReader.ReadConfig(modelFolder);
        Assert.Equal(config with { TorchDtype = "bfloat16", EosTokenIds = read.EosTokenIds }, read);
        Assert.Equal(config.EosTokenIds, read.EosTokenIds);
        Assert.Equal(LlamaTensorLayout.Tensors(config).Sum(tensor => tensor.Shape.Aggregate((x, y) => x * y)), parameters);
        using var model = EmbeddedModel.Load(modelFolder, 1);
        var pool = AdapterPool.Load(Path.Combine(folder, "pool"));
        Assert.Equal(["adapter-000", "adapter-001"], pool.Adapters.Select(adapter => adapter.Name));
        Assert.All(pool.Adapters, adapter => Assert.Equal(4 * 7, adapter.Modules.Count));
        var plain = await model.ScoreAsync(Records, CancellationToken.None);
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new("adapter-001", 1)]);
        var adapted = await AdaptedModel.Create(model, pool, recipe).ScoreAsync(Records, CancellationToken.None);
        foreach (var (before, after) in plain.Zip(adapted))
        {
            Assert.NotEqual(before.LogProbability, after.LogProbability);
            // Untrained: about ln 1024 = 6.9 nats a token.
            Assert.InRange(-before.LogProbability / before.Tokens, 5, 9);
            Assert.InRange(-after.LogProbability / after.Tokens, 5, 9);
        }
    }

    [Fact]
    public void Write_SameSeedOtherThreads_SameBytesAndAnotherSeedOthers()
    {
        byte[] Bytes(string name, ulong seed, int threads)
        {
            using var team = new ThreadTeam(threads);
            var random = new RandomModel(ModelShapes.All["tiny"], "tiny", seed, team);
            random.Write(Path.Combine(folder, name), TensorType.F16);
            random.WriteAdapters(Path.Combine(folder, name, "pool"), 1, 3);
            return [.. Directory.GetFiles(Path.Combine(folder, name), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                .SelectMany(File.ReadAllBytes)];
        }

        var first = Bytes("a", 7, 1);
        Assert.Equal(first, Bytes("b", 7, 3));
        Assert.NotEqual(first, Bytes("c", 8, 1));
    }

    [Fact]
    public void Fill_ManyValues_AreNormalAndUncorrelatedFromRowToRow()
    {
        const int rows = 300, columns = 1001;
        using var team = new ThreadTeam(2);
        var values = new float[rows * columns];
        var gaussians = new GaussianRows(5, team);
        gaussians.Fill("w", 0, columns, 0.5, values);
        var piece = new float[7 * columns];
        gaussians.Fill("w", 100, columns, 0.5, piece);
        Assert.Equal(values[(100 * columns)..(107 * columns)], piece);
        var (mean, variance) = (values.Average(x => (double)x), values.Average(x => (double)x * x));
        Assert.InRange(mean, -0.004, 0.004); // the table's own mean has a standard error of 0.002
        Assert.InRange(variance, 0.244, 0.256);
        Assert.InRange(values.Average(x => (double)x * x * x * x) / (variance * variance), 2.9, 3.1);
        var products = Enumerable.Range(0, (rows - 1) * columns).Average(i => (double)values[i] * values[i + columns]);
        Assert.InRange(products / variance, -0.01, 0.01); // standard error 0.002
    }
}
