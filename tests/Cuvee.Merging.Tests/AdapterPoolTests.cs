using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

public sealed class AdapterPoolTests
{
    [Fact]
    public void Constructor_AnyOrder_OrdinalOrder()
    {
        var pool = new AdapterPool([TestAdapters.Adapter("b", 1), TestAdapters.Adapter("B", 2), TestAdapters.Adapter("a", 3)]);
        Assert.Equal(["B", "a", "b"], pool.Adapters.Select(adapter => adapter.Name));
    }

    [Fact]
    public void Constructor_Empty_Throws() => Assert.Throws<BadInputException>(() => new AdapterPool([]));

    [Fact]
    public void Constructor_SameNameTwice_Throws() => AssertRefused("'a'", TestAdapters.Adapter("a", 1), TestAdapters.Adapter("a", 2));

    [Fact]
    public void Constructor_DifferentShapes_NamesModuleAndBoth() => AssertRefused(
        $"Module {TestAdapters.Wide} is [11, 37] in adapter 'a' but [11, 38] in 'b'",
        TestAdapters.Adapter("a", 1), TestAdapters.Adapter("b", 2, shapes: [(TestAdapters.Wide, 11, 38)]));

    [Fact]
    public void Constructor_DifferentBases_RefusedUnlessAllowed()
    {
        var a = TestAdapters.Adapter("a", 1);
        var b = TestAdapters.Adapter("b", 2);
        b = b with { Config = b.Config with { BaseModelNameOrPath = "another" } };
        AssertRefused("base_model_name_or_path", a, b);
        AssertRefused("allow_different_bases: true", a, b);
        AssertRefused("--allow-different-bases", a, b);
        Assert.Equal(2, new AdapterPool([a, b], allowDifferentBases: true).Adapters.Count);
    }

    /// <summary>Local copies and quantised repacks of one model.</summary>
    [Theory]
    [InlineData("meta-llama/Llama-3.2-1B", "unsloth/Llama-3.2-1B-bnb-4bit")]
    [InlineData("meta-llama/Llama-3.2-1B", "unsloth/Llama-3.2-1B-unsloth-bnb-4bit")]
    [InlineData("meta-llama/Llama-3.1-8B-Instruct", "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit")]
    [InlineData("Qwen/Qwen2.5-0.5B", "/models/qwen2.5-0.5b/")]
    [InlineData("Qwen/Qwen2.5-0.5B", @"C:\models\Qwen2.5-0.5B-GPTQ-Int4")]
    [InlineData("Qwen/Qwen2.5-0.5B", "someone/Qwen2.5-0.5B-AWQ")]
    [InlineData("Qwen/Qwen2.5-0.5B", "someone/Qwen2.5-0.5B-GGUF")]
    [InlineData("Qwen/Qwen2.5-0.5B", "mlx-community/Qwen2.5-0.5B-4bit")]
    [InlineData("Qwen/Qwen2.5-0.5B", "/cache/hub/models--Qwen--Qwen2.5-0.5B/snapshots/060db6499f32faf8b98477b0a26969ef7d8b9987")]
    [InlineData("Qwen/Qwen2.5-0.5B", null)]
    [InlineData("Qwen/Qwen2.5-0.5B", "")]
    public void Constructor_CopiesOfOneBase_AreOnePool(string one, string? other)
    {
        static PeftAdapter Named(string name, ulong seed, string? baseModel)
        {
            var adapter = TestAdapters.Adapter(name, seed);
            return adapter with { Config = adapter.Config with { BaseModelNameOrPath = baseModel } };
        }

        Assert.Equal(2, new AdapterPool([Named("a", 1, one), Named("b", 2, other)]).Adapters.Count);
        Assert.Equal(2, new AdapterPool([Named("a", 1, other), Named("b", 2, one)]).Adapters.Count);
    }

    [Theory]
    [InlineData("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B-Instruct")]
    [InlineData("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B")]
    [InlineData("/checkpoints/final", "Qwen/Qwen2.5-0.5B")]
    public void Constructor_OtherBases_AreRefused(string one, string other)
    {
        var (a, b) = (TestAdapters.Adapter("a", 1), TestAdapters.Adapter("b", 2));
        AssertRefused(
            $"'{one}' and '{other}'",
            a with { Config = a.Config with { BaseModelNameOrPath = one } },
                b with { Config = b.Config with { BaseModelNameOrPath = other } });
    }

    [Fact]
    public void Constructor_DifferentFanInFanOut_Throws()
    {
        var b = TestAdapters.Adapter("b", 2);
        AssertRefused("fan_in_fan_out", TestAdapters.Adapter("a", 1), b with { Config = b.Config with { FanInFanOut = true } });
    }

    [Fact]
    public void Constructor_FactorsOfDifferentRanks_Throws()
    {
        var a = TestAdapters.Adapter("a", 1);
        var loraA = StoredMatrix.Over(2, a.Modules[0].InFeatures, new float[2 * a.Modules[0].InFeatures]);
        AssertRefused("LoraA has rank 2 and LoraB 3", a with { Modules = [a.Modules[0] with { LoraA = loraA }] });
    }

    [Fact]
    public void AdapterFolders_Exclude_LeavesOthersInOrdinalOrder()
    {
        var folder = Directory.CreateTempSubdirectory("cuvee-pool-").FullName;
        try
        {
            foreach (var name in new[] { "b", "a", "c", ".cache" }) Directory.CreateDirectory(Path.Combine(folder, name));
            Assert.Equal(["a", "c"], AdapterPool.AdapterFolders(folder, ["b"]).Select(Path.GetFileName));
            Assert.Contains("'d'", Assert.Throws<BadInputException>(
                () => AdapterPool.AdapterFolders(folder, ["d"])).Message, StringComparison.Ordinal);
            Assert.Contains("empty", Assert.Throws<BadInputException>(
                () => AdapterPool.Load(folder, ["a", "b", "c"])).Message, StringComparison.Ordinal);
            Assert.Throws<BadInputException>(() => AdapterPool.Load(Path.Combine(folder, "none")));
            File.WriteAllText(Path.Combine(folder, "d.GGUF"), "");
            Assert.EndsWith(
                "d.GGUF lies in the pool's folder itself; put every .gguf adapter into a sub-folder of its own.",
                Assert.Throws<BadInputException>(() => AdapterPool.AdapterFolders(folder)).Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void AssertRefused(string expected, params PeftAdapter[] adapters) =>
        Assert.Contains(expected, Assert.Throws<BadInputException>(() => new AdapterPool(adapters)).Message, StringComparison.Ordinal);
}
