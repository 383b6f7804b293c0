using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging;

namespace Cuvee.Hosting.Tests;

public sealed class EmbeddedAdapterHostTests
{
    private static readonly WeightedRecipe Mixed =
        new(MergeSpace.Delta, [new("adapter-0", 0.8), new("adapter-1", -0.6, 0.5), new("adapter-3", 0.4, 0.9)]);

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public async Task RealizeAsync_Recipe_EqualsWeightsSummedInDouble(MergeSpace space)
    {
        using var model = TinyModel.Model();
        var pool = TinyModel.Pool();
        var recipe = new WeightedRecipe(space, [new("adapter-2", -0.7), new("adapter-0", 0.9)]);
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(pool));
        double[] actual;
        await using (var lease = await host.RealizeAsync(recipe, CancellationToken.None)) actual = await TinyModel.ScoreAsync(lease.Model);
        using var expected = new EmbeddedModel(SummedInDouble(pool, recipe), TinyModel.Tokenizer, 1);
        TinyModel.AssertEqual(await TinyModel.ScoreAsync(expected), actual);
        TinyModel.AssertDifferent(await TinyModel.ScoreAsync(model), actual);
    }

    [Fact]
    public async Task RealizeAsync_EmptyRecipe_BaseModelBits()
    {
        using var model = TinyModel.Model();
        var expected = await TinyModel.ScoreAsync(model);
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(TinyModel.Pool()));
        await using (await host.RealizeAsync(Mixed, CancellationToken.None))
        {
        }

        await using var lease = await host.RealizeAsync(new WeightedRecipe(MergeSpace.Factors, []), CancellationToken.None);
        Assert.Equal(expected, await TinyModel.ScoreAsync(lease.Model));
    }

    [Fact]
    public async Task RealizeAsync_OneAfterAnother_NothingLeftOfTheLast()
    {
        var other = new WeightedRecipe(MergeSpace.Factors, [new("adapter-2", 1), new("adapter-1", 0.5, 0.3)]);
        using var model = TinyModel.Model();
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(TinyModel.Pool()));
        var first = await ScoreAsync(host, Mixed);
        var second = await ScoreAsync(host, other);
        TinyModel.AssertDifferent(first, second);
        Assert.Equal(first, await ScoreAsync(host, Mixed));
        Assert.Equal(second, await ScoreAsync(host, other));
    }

    [Fact]
    public async Task RealizeAsync_ThreadCounts_SameBits()
    {
        var results = new List<double[]>();
        foreach (var threads in new[] { 1, 2, 3 })
        {
            using var model = TinyModel.Model(threads);
            await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(TinyModel.Pool()));
            results.Add(await ScoreAsync(host, Mixed));
        }

        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    /// <summary>A round of finite differences: formed from their common centre, which must show by no more than rounding, and not
    /// after.</summary>
    [Theory]
    [InlineData("weights")]
    [InlineData("layers")]
    public async Task Expect_ProbesAroundAPoint_AreWhatTheyAreAlone(string probed)
    {
        using var model = TinyModel.Model();
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(TinyModel.Pool(9)));
        var center = new WeightedRecipe(
            MergeSpace.Delta, [.. Enumerable.Range(0, 9).Select(i => new AdapterShare($"adapter-{i}", 0.2 - (0.05 * i), 1 - (0.1 * i))
            {
                GroupWeights = probed == "layers" ? [new("layers.0", 0.1 * i), new("layers.1", 0.3)] : [],
            })]);
        WeightedRecipe Probe(int i, double step) => center with
        {
            Adapters = [.. center.Adapters.Select((share, k) => k != i ? share
                : probed == "layers" ? share with { GroupWeights = [new("layers.0", 0.1 * i), new("layers.1", 0.3 + step)] }
                : share with { Weight = share.Weight + step })],
        };
        var far = center with { Adapters = [.. center.Adapters.Select(share => share with { Weight = 0.3, GroupWeights = [] })] };
        WeightedRecipe[] round = [center, .. Enumerable.Range(0, 9).Select(i => Probe(i, 0.5)), far];
        var alone = new List<double[]>();
        foreach (var recipe in round) alone.Add(await ScoreAsync(host, recipe));

        host.Expect(round);
        var backwards = new List<double[]>();
        foreach (var recipe in round.Reverse()) backwards.Insert(0, await ScoreAsync(host, recipe));
        host.Expect(round);
        for (var i = 0; i < round.Length; i++)
        {
            var together = await ScoreAsync(host, round[i]);
            Assert.Equal(backwards[i], together);
            for (var record = 0; record < together.Length; record++) Assert.Equal(alone[i][record], together[record], 2e-5);
            if (i > 0) TinyModel.AssertDifferent(alone[0], alone[i]);
        }

        Assert.Contains(round.SkipLast(1).Index(), each => !alone[each.Index].SequenceEqual(backwards[each.Index])); // another way indeed
        Assert.Equal(alone[^1], backwards[^1]);
        host.Expect([]);
        for (var i = 0; i < round.Length; i++) Assert.Equal(alone[i], await ScoreAsync(host, round[i]));
    }

    [Fact]
    public async Task RealizeAsync_LeaseOut_NextWaitsForItsEnd()
    {
        using var model = TinyModel.Model();
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(TinyModel.Pool()));
        Assert.Equal(1, host.MaxConcurrentLeases);
        var first = await host.RealizeAsync(Mixed, CancellationToken.None);
        var next = host.RealizeAsync(Mixed, CancellationToken.None).AsTask();
        Assert.False(next.IsCompleted);
        using var cancellation = new CancellationTokenSource();
        var cancelled = host.RealizeAsync(Mixed, cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        await first.DisposeAsync();
        await first.DisposeAsync(); // ends once only
        var second = await next;
        Assert.Throws<ObjectDisposedException>(() => first.Model);
        var third = host.RealizeAsync(Mixed, CancellationToken.None).AsTask();
        Assert.False(third.IsCompleted);
        await second.DisposeAsync();
        await (await third).DisposeAsync();
    }

    [Fact]
    public async Task RealizeAsync_BadRecipe_ThrowsAndHoldsNothing()
    {
        using var model = TinyModel.Model();
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(TinyModel.Pool()));
        await Assert.ThrowsAsync<ArgumentException>(
            async () => await host.RealizeAsync(new WeightedRecipe(MergeSpace.Delta, [new("stranger", 1)]), CancellationToken.None));
        await (await host.RealizeAsync(Mixed, CancellationToken.None)).DisposeAsync();
    }

    [Fact]
    public async Task RealizeAsync_FewModulesAdapted_BaseArraysStayUntouched()
    {
        using var model = TinyModel.Model();
        var before = model.Weights.ToTensors().Select(tensor => tensor.Values.ToArray()).ToList();
        var pool = new AdapterPool([TinyModel.Adapter("a", 1, adapts: name => name.EndsWith("v_proj", StringComparison.Ordinal))]);
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(pool));
        Assert.Equal(["a"], host.AdapterNames);
        await using var lease = await host.RealizeAsync(new WeightedRecipe(MergeSpace.Delta, [new("a", 1)]), CancellationToken.None);
        TinyModel.AssertDifferent(await TinyModel.ScoreAsync(model), await TinyModel.ScoreAsync(lease.Model));
        Assert.Equal(before, model.Weights.ToTensors().Select(tensor => tensor.Values));
    }

    [Fact]
    public void Constructor_ForeignAdapter_NamesAdapterAndModule()
    {
        using var model = TinyModel.Model();
        var adapter = TinyModel.Adapter("a", 1);
        PeftAdapter With(LoraModule module) => adapter with { Modules = [module] };
        var missing = adapter.Modules[0] with { Name = "model.layers.7.self_attn.q_proj" };
        var error = Assert.Throws<BadInputException>(() =>
            new EmbeddedAdapterHost(model, new RecipeMerger(new AdapterPool([With(missing)]))));
        Assert.Contains("'a' adapts module model.layers.7.self_attn.q_proj", error.Message, StringComparison.Ordinal);
        var gate = adapter.Modules.First(module => module.Name.EndsWith("gate_proj", StringComparison.Ordinal));
        var misshapen = gate with { Name = gate.Name.Replace("gate_proj", "down_proj", StringComparison.Ordinal) };
        error = Assert.Throws<BadInputException>(() =>
            new EmbeddedAdapterHost(model, new RecipeMerger(new AdapterPool([With(misshapen)]))));
        Assert.Contains("[40, 24]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[24, 40] in the base model", error.Message, StringComparison.Ordinal);
    }

    private static async Task<double[]> ScoreAsync(EmbeddedAdapterHost host, WeightedRecipe recipe)
    {
        await using var lease = await host.RealizeAsync(recipe, CancellationToken.None);
        return await TinyModel.ScoreAsync(lease.Model);
    }

    // Keep fraction 1 only. The base weights plus the update, summed in double and rounded once.
    private static LlamaWeights SummedInDouble(AdapterPool pool, WeightedRecipe recipe)
    {
        var tensors = TinyModel.Weights().ToTensors().ToList();
        foreach (var (name, outFeatures, inFeatures) in TinyModel.Modules)
        {
            var weight = tensors.Single(tensor => tensor.Name == name + ".weight").Values; // [out, in]
            var parts = recipe.Adapters.Select(share =>
            {
                var module = pool.Adapters.Single(adapter => adapter.Name == share.Name).Modules.Single(module => module.Name == name);
                return new Part(share.Weight, module.Scaling, module.Rank, module.LoraA.ToSingles(), module.LoraB.ToSingles());
            }).ToList();
            for (var i = 0; i < outFeatures; i++)
            {
                for (var j = 0; j < inFeatures; j++)
                {
                    double Term(Part left, Part right) => Enumerable.Range(0, left.Rank).Sum(k =>
                        left.Weight * left.Scaling * left.LoraB[(i * left.Rank) + k] * (double)right.LoraA[(k * inFeatures) + j]);
                    var update = recipe.Space == MergeSpace.Delta
                        ? parts.Sum(part => Term(part, part))
                        : parts.Sum(left => parts.Sum(right => right.Weight * Term(left, right)));
                    weight[(i * inFeatures) + j] = (float)(weight[(i * inFeatures) + j] + update);
                }
            }
        }

        return LlamaWeights.FromTensors(TinyModel.Config, tensors);
    }

    private sealed record Part(double Weight, float Scaling, int Rank, float[] LoraA, float[] LoraB);
}
