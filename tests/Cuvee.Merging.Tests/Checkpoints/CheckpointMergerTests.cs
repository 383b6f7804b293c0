using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging.Checkpoints;
using Cuvee.Merging.Methods;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests.Checkpoints;

public sealed class CheckpointMergerTests : IDisposable
{
    private static readonly (string Name, int[] Shape)[] Shapes =
        [("block.weight", [37, 531]), ("wide", [2, 17_000]), ("norm", [531]), ("x", [])];

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-checkpoints-").FullName;
    private readonly List<CheckpointReader> open = [];

    public void Dispose()
    {
        open.ForEach(checkpoint => checkpoint.Dispose());
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Merge_TypesShardsAndBase_EqualsSumInDouble()
    {
        var origin = Write("base", 1, TensorType.F32);
        CheckpointReader[] models = [Write("a", 2, TensorType.BF16, maxBytes: 50_000), Write("b", 3, TensorType.F16)];
        var merged = Merge(origin, models, Recipe("task-arithmetic", [("lambda", 0.7)], [("weight", 1.5)], [("weight", -0.5)]));
        foreach (var (name, _) in Shapes)
        {
            double[] x = All(origin, name), a = All(models[0], name), b = All(models[1], name);
            var expected = x.Select((value, i) => value + (0.7 * ((1.5 * (a[i] - value)) - (0.5 * (b[i] - value))))).ToArray();
            Assert.InRange(ReferenceMerge.RelativeError([.. All(merged, name).Select(value => (float)value)], expected), 0, 3e-6);
        }
    }

    [Fact]
    public void Merge_NoBase_CombinesTheModelsThemselves()
    {
        CheckpointReader[] models = [Write("a", 2, TensorType.F32), Write("b", 3, TensorType.F32)];
        var merged = Merge(null, models, Recipe("linear", [], [("weight", 3)], [("weight", 1)]));
        foreach (var (name, _) in Shapes)
        {
            double[] a = All(models[0], name), b = All(models[1], name);
            Assert.InRange(
                ReferenceMerge.RelativeError(
                    [.. All(merged, name).Select(value => (float)value)], [.. a.Zip(b, (one, other) => (0.75 * one) + (0.25 * other))]),
                0, 1e-6);
        }
    }

    [Fact]
    public void Merge_Copy_KeepsNegativeZero()
    {
        Directory.CreateDirectory(Path.Combine(folder, "signed"));
        SafetensorsWriter.Write(
            Path.Combine(folder, "signed", "model.safetensors"), [new TensorData("norm", [3], [-0f, 0, -1])], TensorType.F32);
        using var team = new ThreadTeam(1);
        var copy = MergekitMethods.Copy;
        var values = new float[3];
        CheckpointMerger.Merge(
            [
                new MergedTensor(
                    "norm", [new TensorPlace(Open("signed"), "norm")], null, copy, MergeArguments.For(copy, Recipe(copy.Name, [], [[]]))),
            ],
            team)[0].Fill(0, values);
        Assert.Equal((float[])[-0f, 0, -1], values);
        Assert.Equal([true, false, true], values.Select(float.IsNegative));
    }

    /// <summary>Methods that measure a module get the tensor whole, every other one in pieces: both as over the tensor in memory.</summary>
    [Theory]
    [InlineData("ties")]
    [InlineData("slerp")]
    [InlineData("breadcrumbs")]
    [InlineData("emr")]
    public void Merge_EveryMethod_EqualsItsUpdateOfTheWholeTensor(string method)
    {
        var origin = Write("base", 1, TensorType.F32);
        CheckpointReader[] models = [Write("a", 2, TensorType.F32), Write("b", 3, TensorType.F32)];
        var density = MergeMethods.Default.Find(method).Parameters.Any(parameter => parameter.Name == "density");
        var recipe = Recipe(method, density ? [("density", 0.4)] : [], [], []);
        var arguments = MergeArguments.For(MergeMethods.Default.Find(method), recipe);
        var merged = Merge(origin, models, recipe);
        foreach (var (name, _) in Shapes)
        {
            var x = All(origin, name);
            var deltas = models.Select(model => All(model, name).Zip(x, (own, value) => (float)own - (float)value).ToArray());
            var whole = new TaskVectors(name, 1, x.Length, [.. deltas.Select(delta => (ReadOnlyMemory<float>)delta)]);
            var update = new float[x.Length];
            MergeMethods.Default.Find(method).Prepare([whole], arguments)(whole, update);
            Assert.Equal(x.Zip(update, (value, change) => (double)((float)value + change)), All(merged, name));
        }
    }

    /// <summary>What mergekit's methods measure, they measure over the tensor, however many pieces it comes in.</summary>
    [Theory]
    [InlineData("ties", true)]
    [InlineData("breadcrumbs_ties", true)]
    [InlineData("task_arithmetic", true)]
    [InlineData("slerp", false)]
    public void Merge_MethodsOfMergekitInPieces_EqualTheWholeTensor(string name, bool differences)
    {
        var method = MergekitMethods.All.Find(name);
        var origin = differences ? Write("base", 1, TensorType.F32) : null;
        CheckpointReader[] models = [Write("a", 2, TensorType.F32), Write("b", 3, TensorType.F32)];
        (string, double)[][] own = differences ? [[("weight", 1), ("density", 0.3)], [("weight", -0.5), ("density", 0.6)]] : [[], []];
        var arguments = MergeArguments.For(method, Recipe(name, [], own));
        using var team = new ThreadTeam(2);
        foreach (var (tensor, shape) in Shapes)
        {
            TensorPlace Place(CheckpointReader model) => new(model, tensor);
            var values = new float[shape.Aggregate(1, (a, b) => a * b)];
            CheckpointMerger.Merge(
                [new MergedTensor(tensor, [.. models.Select(Place)], origin is null ? null : Place(origin), method, arguments)], team)[0]
                .Fill(0, values);
            var x = origin is null ? new double[values.Length] : All(origin, tensor);
            var deltas = models.Select(model => All(model, tensor).Zip(x, (own, value) => (float)own - (float)value).ToArray());
            var whole = new TaskVectors(
                tensor, values.Length / shape.LastOrDefault(1), shape.LastOrDefault(1),
                [.. deltas.Select(delta => (ReadOnlyMemory<float>)delta)]);
            var update = new float[values.Length];
            method.Prepare([whole], arguments)(whole, update);
            Assert.InRange(
                ReferenceMerge.RelativeError(values, [.. x.Zip(update, (value, change) => value + change)]), 0, 1e-6);
        }
    }

    [Fact]
    public void Merge_RandomDrops_SameBytesOnAnyThreadsAndInAnyChunk()
    {
        var origin = Write("base", 1, TensorType.F32);
        CheckpointReader[] models = [Write("a", 2, TensorType.F32), Write("b", 3, TensorType.F32)];
        var recipe = Recipe("dare-ties", [("density", 0.5)], [], []);
        var alone = Merge(origin, models, recipe, threads: 1);
        var together = Merge(origin, models, recipe, threads: 3);
        var otherSeed = Merge(origin, models, recipe with { Seed = 8 });
        foreach (var (name, _) in Shapes) Assert.Equal(All(alone, name), All(together, name));
        Assert.NotEqual(All(alone, "wide"), All(otherSeed, "wide"));
        using var team = new ThreadTeam(2);
        var rows = new float[37 * 531];
        var source = CheckpointMerger.Merge([Tensor("block.weight", origin, models, recipe)], team)[0];
        for (var row = 0; row < 37; row += 5) source.Fill(row, rows.AsMemory(row * 531, Math.Min(5, 37 - row) * 531));
        Assert.Equal(All(alone, "block.weight"), rows.Select(value => (double)value));
    }

    [Fact]
    public void Merge_OtherShapeOrMissingTensor_OneSentence()
    {
        var origin = Write("base", 1, TensorType.F32);
        Directory.CreateDirectory(Path.Combine(folder, "odd"));
        SafetensorsWriter.Write(
            Path.Combine(folder, "odd", "model.safetensors"), [new TensorData("norm", [2], [1, 2])], TensorType.F32);
        var odd = Open("odd");
        using var team = new ThreadTeam(1);
        var recipe = Recipe("linear", [], []);
        string Refusal(string name) => Assert.Throws<BadInputException>(
            () => CheckpointMerger.Merge([Tensor(name, origin, [odd], recipe)], team)).Message;
        Assert.Contains("'norm' has shape [2] but [531] in", Refusal("norm"), StringComparison.Ordinal);
        Assert.Contains("tensor 'wide' is missing", Refusal("wide"), StringComparison.Ordinal);
    }

    [Fact]
    public void Merge_WholeNumbers_AreCopiedAndRefusedWhereTheyCouldBeWeights()
    {
        CheckpointReader Model(string name, float weight, long steps, byte mask)
        {
            TensorSource Stored(string tensor, int[] shape, TensorType type, byte[] bytes) =>
                new(tensor, shape, (_, _) => { }) { Stored = new StoredBytes(type, stream => stream.Write(bytes)) };
            Directory.CreateDirectory(Path.Combine(folder, name));
            ModelShards.Write(
                Path.Combine(folder, name),
                [
                    Stored("mask", [3], TensorType.Bool, [0, 1, mask]), Stored("steps", [], TensorType.I64, BitConverter.GetBytes(steps)),
                    new TensorData("weight", [1], [weight]).ToSource(),
                ],
                TensorType.F32, long.MaxValue);
            return Open(name);
        }

        using var team = new ThreadTeam(1);
        var origin = Model("base", 1, 7, 1);
        CheckpointReader Merged(CheckpointReader model)
        {
            var recipe = Recipe("task-arithmetic", [], [("weight", 0.5)]);
            var target = Directory.CreateDirectory(Path.Combine(folder, $"merged-{open.Count}"));
            ModelShards.Write(
                target.FullName,
                CheckpointMerger.Merge(origin.TensorNames.Select(name => Tensor(name, origin, [model], recipe)), team), TensorType.F32,
                long.MaxValue);
            return Open(target.Name);
        }

        var merged = Merged(Model("a", 3, 9, 1));
        Assert.Equal([2.0], All(merged, "weight"));
        foreach (var name in (string[])["mask", "steps"]) Assert.True(merged.HoldsBytesOf(name, origin, name));
        // Each at a multiple of its element's size.
        Assert.Equal([12, 0, 8], merged.TensorNames.Select(name => merged.Find(name)!.Begin));
        var other = Model("b", 3, 7, 0);
        Assert.Contains(
            "b: tensor 'mask' has dtype BOOL and differs", Assert.Throws<BadInputException>(() => Merged(other)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ties", new[] { 50_000, 50_000 }, "2500000000 elements")]
    [InlineData("linear", new[] { 3, int.MaxValue, 1 }, "6442450941 rows")]
    public void Pieces_MoreThanOneArrayHolds_OneSentence(string name, int[] shape, string expected)
    {
        var tensor = Tensor("norm", null, [Write("a", 2, TensorType.F32)], Recipe(name, [], []));
        var message = Assert.Throws<BadInputException>(() => new TensorPieces(tensor, shape, CancellationToken.None)).Message;
        Assert.Contains($"a: tensor 'norm' has {expected}, and {name} takes", message, StringComparison.Ordinal);
    }

    private static MethodRecipe Recipe(
        string method, (string, double)[] parameters, params (string, double)[][] models)
    {
        static Dictionary<string, double> Values((string Name, double Value)[] pairs) =>
            pairs.ToDictionary(pair => pair.Name, pair => pair.Value);
        return new MethodRecipe(method, Values(parameters), [.. models.Select((own, i) => new AdapterParameters($"m{i}", Values(own)))], 7);
    }

    private static MergedTensor Tensor(string name, CheckpointReader? origin, CheckpointReader[] models, MethodRecipe recipe)
    {
        var method = MergeMethods.Default.Find(recipe.Method);
        return new MergedTensor(
            name, [.. models.Select(model => new TensorPlace(model, name))], origin is null ? null : new TensorPlace(origin, name), method,
            MergeArguments.For(method, recipe));
    }

    private static double[] All(CheckpointReader checkpoint, string name)
    {
        var values = new float[checkpoint.Find(name)!.Count];
        checkpoint.Read(name, 0, values);
        return Array.ConvertAll(values, value => (double)value);
    }

    private CheckpointReader Merge(CheckpointReader? origin, CheckpointReader[] models, MethodRecipe recipe, int threads = 2)
    {
        using var team = new ThreadTeam(threads);
        var target = Directory.CreateDirectory(Path.Combine(folder, $"merged-{open.Count}"));
        ModelShards.Write(
            target.FullName, CheckpointMerger.Merge(Shapes.Select(shape => Tensor(shape.Name, origin, models, recipe)), team),
            TensorType.F32, maxBytes: 100_000);
        return Open(target.Name);
    }

    private CheckpointReader Write(string name, ulong seed, TensorType type, long maxBytes = long.MaxValue)
    {
        var random = new SeededRandom(seed);
        Directory.CreateDirectory(Path.Combine(folder, name));
        ModelShards.Write(
            Path.Combine(folder, name),
            [.. Shapes.Select(shape => new TensorData(
                shape.Name, shape.Shape,
                [.. Enumerable.Range(0, shape.Shape.Aggregate(1, (a, b) => a * b)).Select(_ => (float)random.NextGaussian())]).ToSource())],
            type, maxBytes);
        return Open(name);
    }

    private CheckpointReader Open(string name)
    {
        open.Add(CheckpointReader.Open(Path.Combine(folder, name)));
        return open[^1];
    }
}
