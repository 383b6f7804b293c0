using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging.Materialization;

namespace Cuvee.Merging.Tests;

/// <summary>Through real files: a pool written, read, merged, written and read again.</summary>
public sealed class PoolFilesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-pool-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void Load_WrittenPool_MergedFileEqualsDoubleTwin(MergeSpace space)
    {
        var original = WritePool(3);
        var recipe = new WeightedRecipe(space, [new("adapter-000", 0.7, 0.5), new("adapter-002", -0.4)]);
        var pool = AdapterPool.Load(folder, ["adapter-001"]);
        Assert.Equal(["adapter-000", "adapter-002"], pool.Adapters.Select(adapter => adapter.Name));
        var target = Path.Combine(folder, "merged");
        PeftWriter.Write(target, new MergedAdapterBuilder(new RecipeMerger(pool)).Build(recipe, "merged").Adapter, TensorType.F32);
        foreach (var module in PeftReader.Read(target).Modules)
            MaterializationTests.AssertUpdate(ReferenceMerge.Update(original, recipe, module.Name), module);
    }

    [Fact]
    public void ReadHeaders_WrittenPool_SizesWithoutValues()
    {
        WritePool(2);
        var headers = AdapterPool.ReadHeaders(folder, ["adapter-000"]);
        var header = Assert.Single(headers);
        Assert.Equal(("adapter-001", 2, 2L * 3 * (11 + 37)), (header.Name, header.Modules, header.Parameters));
        Assert.Equal([3], header.Ranks);
        Assert.Equal([0], header.Layers);
        Assert.True(header.FileBytes > header.Parameters * 4);
    }

    [Fact]
    public void Load_FolderWithoutAdapter_NamesIt()
    {
        WritePool(1);
        Directory.CreateDirectory(Path.Combine(folder, "notes"));
        Assert.Contains("notes", Assert.Throws<BadInputException>(() => AdapterPool.Load(folder)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "notes", Assert.Throws<BadInputException>(() => AdapterPool.ReadHeaders(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadHeaders_LayerBeyondAnyNumber_NamesTheTensor()
    {
        var module = new LoraModule("model.layers.99999999999.mlp.up_proj", 2, 2, 1, [1, 2], [3, 4], 1);
        PeftWriter.Write(
            Path.Combine(folder, "odd"), new PeftAdapter("odd", new PeftAdapterConfig { Rank = 1, LoraAlpha = 1 }, [module]),
            TensorType.F32);
        var message = Assert.Throws<BadInputException>(() => AdapterPool.ReadHeaders(folder)).Message;
        Assert.Contains("model.layers.99999999999.mlp.up_proj", message, StringComparison.Ordinal);
    }

    private AdapterPool WritePool(int count)
    {
        var pool = TestAdapters.Pool(count);
        foreach (var adapter in pool.Adapters) PeftWriter.Write(Path.Combine(folder, adapter.Name), adapter, TensorType.F32);
        return pool;
    }
}
