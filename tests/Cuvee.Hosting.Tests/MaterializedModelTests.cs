using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Tests;

/// <summary>A recipe served, exported as an adapter and exported as a checkpoint is one and the same model, through real files.</summary>
public sealed class MaterializedModelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-hosting-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(MergeSpace.Factors, 4)]
    [InlineData(MergeSpace.Delta, 4)] // 12 ranks: stacked in every module (k_proj and v_proj are [12, 24])
    [InlineData(MergeSpace.Delta, 7)] // 21 ranks: k_proj and v_proj at full rank
    public async Task Recipe_ServedAdapterAndCheckpoint_EqualLogProbabilities(MergeSpace space, int adapters)
    {
        using var model = TinyModel.Model();
        var pool = TinyModel.Pool(adapters);
        var recipe = new WeightedRecipe(
            space, [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, 0.7 - (0.25 * i), 1 - (0.1 * i)))]);
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(pool));
        double[] served;
        await using (var lease = await host.RealizeAsync(recipe, CancellationToken.None)) served = await TinyModel.ScoreAsync(lease.Model);
        TinyModel.AssertDifferent(await TinyModel.ScoreAsync(model), served);
        var merger = new RecipeMerger(pool);

        var adapterFolder = Path.Combine(folder, "merged");
        PeftWriter.Write(adapterFolder, new MergedAdapterBuilder(merger).Build(recipe, "merged").Adapter, TensorType.F32);
        var adapted = AdaptedModel.Create(model, PeftReader.Read(adapterFolder)); // shares the engine with model
        TinyModel.AssertEqual(served, await TinyModel.ScoreAsync(adapted));

        var modelFolder = Path.Combine(folder, "folded");
        using var team = new ThreadTeam(2);
        var tensors = model.Weights.ToTensors().Select(tensor => (
            tensor.Name, tensor.Shape,
            StoredMatrix.Over(tensor.Values.Length / tensor.Shape[^1], tensor.Shape[^1], tensor.Values)));
        HuggingFaceModelWriter.Write(
            modelFolder, TinyModel.Config, FoldedCheckpoint.Fold(tensors, merger, recipe, team), TensorType.F32);
        TinyModel.Tokenizer.Save(Path.Combine(modelFolder, "tokenizer.json"));
        using var folded = EmbeddedModel.Load(modelFolder, 1);
        TinyModel.AssertEqual(served, await TinyModel.ScoreAsync(folded));
    }

    [Fact]
    public async Task AdaptedModel_RecipeAndHost_SameBits()
    {
        using var model = TinyModel.Model();
        var pool = TinyModel.Pool();
        var recipe = new WeightedRecipe(MergeSpace.Delta, [new("adapter-1", 1.2, 0.7), new("adapter-2", -0.3)]);
        var adapted = await TinyModel.ScoreAsync(AdaptedModel.Create(model, pool, recipe));
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(pool));
        await using var lease = await host.RealizeAsync(recipe, CancellationToken.None);
        Assert.Equal(adapted, await TinyModel.ScoreAsync(lease.Model));
    }
}
