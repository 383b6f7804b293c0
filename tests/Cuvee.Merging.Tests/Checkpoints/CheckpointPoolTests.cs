using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging.Checkpoints;
using Cuvee.Merging.Methods;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests.Checkpoints;

/// <summary>Recipes over whole models against the sums that they stand for.</summary>
public sealed class CheckpointPoolTests : IDisposable
{
    private static readonly (string Name, string Group, int[] Shape)[] Tensors =
    [
        ("model.embed_tokens.weight", "embeddings", [40, 8]),
        ("model.layers.0.mlp.up_proj.weight", "layers.0", [12, 8]),
        ("model.layers.0.norm.weight", "layers.0", [8]),
        ("model.layers.1.mlp.up_proj.weight", "layers.1", [12, 8]),
        ("model.layers.1.norm.weight", "layers.1", [8]),
        ("lm_head.weight", "head", [40, 8]),
        ("model.norm.weight", "head", [8]),
    ];

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-checkpoint-pool-").FullName;
    private readonly CheckpointPool pool;

    public CheckpointPoolTests()
    {
        foreach (var (name, seed) in ((string, ulong)[])[("base", 1), ("a", 2), ("b", 3)]) Write(name, seed);
        pool = Open("a", "b");
    }

    public void Dispose()
    {
        pool.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Groups_AreEmbeddingsLayersAndHead() => Assert.Equal(["embeddings", "layers.0", "layers.1", "head"], pool.Groups);

    [Fact]
    public void Merge_WeightsByGroup_EqualsSumInDouble()
    {
        var recipe = new WeightedRecipe(MergeSpace.Delta,
        [
            new AdapterShare("a", 0.5) { GroupWeights = [new("layers.1", -2), new("head", 0), new("model.layers.1.norm", 4)] },
            new AdapterShare("b", 0.25) { GroupWeights = [new("up_proj", 3)] },
        ]);
        var merged = Merge(recipe);
        foreach (var (name, group, _) in Tensors)
        {
            var a = name.Contains("layers.1.norm", StringComparison.Ordinal) ? 4
                : group switch { "layers.1" => -2, "head" => 0, _ => 0.5 };
            var b = name.Contains("up_proj", StringComparison.Ordinal) ? 3 : 0.25;
            AssertSum(merged, name, a, b);
        }
    }

    [Fact]
    public void Merge_KeepFraction_KeepsTheLargestDifferencesOfEachTensor()
    {
        var merged = Merge(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("a", 2, 0.25), new AdapterShare("b", 1)]));
        foreach (var (name, _, shape) in Tensors)
        {
            var (x, a, b) = (Values("base", name), Values("a", name), Values("b", name));
            var kept = x.Length / 4;
            var threshold = x.Zip(a, (from, to) => Math.Abs(to - from)).OrderDescending().ElementAt(kept - 1);
            for (var i = 0; i < x.Length; i++)
            {
                var delta = Math.Abs(a[i] - x[i]) >= threshold ? a[i] - x[i] : 0;
                Assert.Equal(x[i] + (2 * delta) + (b[i] - x[i]), merged[name][i], 1e-4);
            }
        }
    }

    [Fact]
    public void Merge_OneModelAtWeightOneOrNone_IsACopy()
    {
        var alone = new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("b", 1), new AdapterShare("a", 0)]);
        Assert.Equal("b", Path.GetFileName(pool.FolderOf(alone)));
        Assert.Equal("base", Path.GetFileName(pool.FolderOf(new WeightedRecipe(MergeSpace.Delta, []))));
        Assert.Null(pool.FolderOf(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("b", 1, 0.5)])));
        Assert.All(Merge(alone), tensor => Assert.Equal(Values("b", tensor.Key), tensor.Value));
    }

    [Fact]
    public void Merge_Passthrough_ScalesTheModelItselfNotItsDifference()
    {
        var merged = Merge(new MethodRecipe(
            "passthrough", new Dictionary<string, double>(),
            [new AdapterParameters("a", new Dictionary<string, double> { ["scale"] = 0.5 })]));
        Assert.All(merged, tensor => Assert.Equal(Values("a", tensor.Key).Select(value => 0.5f * value), tensor.Value));
    }

    /// <summary>Parameters by group are what each tensor's own merge would be given.</summary>
    [Fact]
    public void Merge_MethodWithParametersByGroup_EqualsTheMethodTensorByTensor()
    {
        var recipe = new MethodRecipe("dare_ties", new Dictionary<string, double>(),
        [
            new AdapterParameters("a", new Dictionary<string, double> { ["weight"] = 0.5, ["density"] = 0.9 })
            {
                GroupParameters = new Dictionary<string, GroupValues>
                {
                    ["weight"] = [new("embeddings", 1), new("layers.1", 0.1)],
                    ["density"] = [new("layers.0", 0.3)],
                },
            },
            new AdapterParameters("b", new Dictionary<string, double> { ["weight"] = 0.7 }),
        ], 5);
        var merged = Merge(recipe);
        foreach (var (name, group, shape) in Tensors)
        {
            var weight = group switch { "embeddings" => 1, "layers.1" => 0.1, _ => 0.5 };
            var density = group == "layers.0" ? 0.3 : 0.9;
            var plain = new MethodRecipe("dare_ties", new Dictionary<string, double>(),
            [
                new AdapterParameters("a", new Dictionary<string, double> { ["weight"] = weight, ["density"] = density }),
                new AdapterParameters("b", new Dictionary<string, double> { ["weight"] = 0.7 }),
            ], 5);
            var method = MergekitMethods.All.Find("dare_ties");
            var (x, a, b) = (Values("base", name), Values("a", name), Values("b", name));
            var columns = shape[^1];
            var deltas = new TaskVectors($"{name}@0", x.Length / columns, columns, [Difference(a, x), Difference(b, x)]);
            var update = new float[x.Length];
            method.Prepare([deltas], MergeArguments.For(method, plain))(deltas, update);
            Assert.Equal(x.Zip(update, (from, change) => from + change), merged[name]);
        }
    }

    [Fact]
    public void Merge_ParameterOfOneGroup_IsTheWholesElsewhere()
    {
        Dictionary<string, float[]> Ties(params (string Name, double Value)[] own) => Merge(new MethodRecipe(
            "ties", new Dictionary<string, double> { ["density"] = 0.5 },
            [
                new AdapterParameters("a", own.ToDictionary(each => each.Name, each => each.Value))
                {
                    GroupParameters = new Dictionary<string, GroupValues> { ["density"] = [new("layers.0", 0.9)] },
                },
                new AdapterParameters("b"),
            ]));
        var (expected, full) = (Ties(("density", 0.5)), Ties(("density", 1)));
        Assert.NotEqual(full["lm_head.weight"], expected["lm_head.weight"]);
        Assert.All(Ties(), tensor => Assert.Equal(expected[tensor.Key], tensor.Value));
    }

    /// <summary>As the authors merge what is no matrix.</summary>
    [Fact]
    public void Merge_TsvOfVectors_IsLambdaTimesTheMeanOfWeightedDifferences()
    {
        var merged = Merge(new MethodRecipe(
            "tsv-m", new Dictionary<string, double> { ["lambda"] = 0.5 },
            [
                new AdapterParameters("a", new Dictionary<string, double> { ["weight"] = 2 }),
                new AdapterParameters("b", new Dictionary<string, double> { ["weight"] = -1 }),
            ]));
        foreach (var (name, _, shape) in Tensors.Where(tensor => tensor.Shape.Length == 1)) AssertSum(merged, name, 0.5, -0.25);
    }

    [Theory]
    [InlineData("c", 1.0, "layers.0", "which is not in the pool")]
    [InlineData("a", 1.0, "layers.7", "names group 'layers.7', which matches no module")]
    public void Merge_WhatThePoolLacks_NamesIt(string model, double weight, string group, string expected) => Assert.Contains(
        expected,
        Assert.Throws<ArgumentException>(() => pool.Merge(new WeightedRecipe(
            MergeSpace.Delta, [new AdapterShare(model, weight) { GroupWeights = [new(group, 1)] }]))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Merge_WhatTensorsByThemselvesCannot_Refused()
    {
        string Refusal(MergeRecipe recipe) => Assert.Throws<ArgumentException>(() => pool.Merge(recipe)).Message;
        Assert.Contains("no factors", Refusal(new WeightedRecipe(MergeSpace.Factors, [])), StringComparison.Ordinal);
        Assert.Contains("no merge of tensors", Refusal(new PathRecipe("a", [new RecipeStep("a", 0)])), StringComparison.Ordinal);
        Assert.Contains("leave 'whole_vector' out", Refusal(new MethodRecipe(
            "ties", new Dictionary<string, double> { ["whole_vector"] = 1 }, [new AdapterParameters("a")])), StringComparison.Ordinal);
        Assert.Contains("no parameter 'width'", Refusal(new MethodRecipe("dare_ties", new Dictionary<string, double>(),
        [
            new AdapterParameters("a")
            {
                GroupParameters = new Dictionary<string, GroupValues> { ["width"] = [new("head", 1)] },
            },
        ])), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ModelOfOtherTensors_NamesTheTensor()
    {
        Write("short", 4, Tensors[..^1]);
        Write("long", 4, [.. Tensors, ("model.layers.2.norm.weight", "layers.2", [8])]);
        Write("wide", 4, [.. Tensors[..^1], ("model.norm.weight", "head", [9])]);
        string Refusal(string name) => Assert.Throws<BadInputException>(() => Open(name)).Message;
        Assert.Contains("'model.norm.weight' is missing", Refusal("short"), StringComparison.Ordinal);
        Assert.Contains("has tensor 'model.layers.2.norm.weight'", Refusal("long"), StringComparison.Ordinal);
        Assert.Contains("has shape [9] but [8]", Refusal("wide"), StringComparison.Ordinal);
    }

    /// <summary>A tied head is computed with the embedding, whether a checkpoint stores it or not.</summary>
    [Fact]
    public void Merge_TiedBaseThatStoresItsHead_LeavesTheHeadOut()
    {
        foreach (var name in (string[])["base", "a"]) Tie(name);
        Write("b", 3, [.. Tensors.Where(tensor => tensor.Name != "lm_head.weight")]);
        using var tied = Open("a", "b");
        var merged = tied.Merge(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("a", 0.5), new AdapterShare("b", 0.5)]));
        Assert.Equal(
            Tensors.Select(tensor => tensor.Name).Where(name => name != "lm_head.weight"), merged.Select(tensor => tensor.Name));
        Assert.Equal(["embeddings", "layers.0", "layers.1", "head"], tied.Groups);
    }

    [Fact]
    public void Open_TiedBaseAndModelWithAHeadOfItsOwn_IsRefused()
    {
        Tie("base");
        var message = Assert.Throws<BadInputException>(() => Open("a")).Message;
        Assert.StartsWith(Path.Combine(folder, "a"), message, StringComparison.Ordinal);
        Assert.Contains("'tie_word_embeddings'", message, StringComparison.Ordinal);
    }

    private void Tie(string model) =>
        File.WriteAllText(Path.Combine(folder, model, "config.json"), """{"tie_word_embeddings": true}""");

    private static ReadOnlyMemory<float> Difference(float[] to, float[] from) => to.Zip(from, (x, y) => x - y).ToArray();

    private void AssertSum(Dictionary<string, float[]> merged, string name, double weightOfA, double weightOfB)
    {
        var (x, a, b) = (Values("base", name), Values("a", name), Values("b", name));
        var expected = x.Select((from, i) => from + (weightOfA * ((double)a[i] - from)) + (weightOfB * ((double)b[i] - from)));
        Assert.InRange(ReferenceMerge.RelativeError(merged[name], [.. expected]), 0, 3e-6);
    }

    private static float[] Gaussians(SeededRandom random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];

    private Dictionary<string, float[]> Merge(MergeRecipe recipe)
    {
        using var team = new ThreadTeam(2);
        return CheckpointMerger.Merge(pool.Merge(recipe), team).ToDictionary(source => source.Name, source =>
        {
            var values = new float[source.Shape.Aggregate(1, (count, dimension) => count * dimension)];
            source.Fill(0, values);
            return values;
        });
    }

    private CheckpointPool Open(params string[] models) =>
        CheckpointPool.Open(Path.Combine(folder, "base"), models.Select(model => Path.Combine(folder, model)));

    private float[] Values(string model, string tensor)
    {
        using var reader = CheckpointReader.Open(Path.Combine(folder, model));
        var values = new float[reader.Find(tensor)!.Count];
        reader.Read(tensor, 0, values);
        return values;
    }

    private void Write(string model, ulong seed, (string Name, string Group, int[] Shape)[]? tensors = null)
    {
        var random = new SeededRandom(seed);
        Directory.CreateDirectory(Path.Combine(folder, model));
        ModelShards.Write(
            Path.Combine(folder, model),
            [.. (tensors ?? Tensors).Select(tensor => new TensorData(
                tensor.Name, tensor.Shape, Gaussians(random, tensor.Shape.Aggregate(1, (x, y) => x * y))).ToSource())],
            TensorType.F32, long.MaxValue);
    }
}
