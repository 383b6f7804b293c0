using System.Globalization;
using System.Text.Json.Nodes;
using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>Evolutionary merging of whole models, whole runs on the real engine.</summary>
public sealed class WholeModelRunTests : IDisposable
{
    private const string Model = "{ provider: checkpoints, path: model }";
    private const string Output = "\noutput: { dtype: f32 }";

    private readonly TinyZoo zoo = new(adapters: 0, records: 24);

    public WholeModelRunTests()
    {
        for (var i = 0; i < 3; i++) zoo.WriteModel($"model-{(char)('a' + i)}", (ulong)i);
    }

    public void Dispose() => zoo.Dispose();

    [Theory]
    [InlineData("search: evolutionary-ps\nsettings: { candidates: 60, sample: 20 }", typeof(MethodRecipe))]
    [InlineData("search: evolutionary-ps\npreset: paper\nsettings: { candidates: 30, sample: 20 }", typeof(MethodRecipe))]
    [InlineData("search: evolutionary-dfs\nsettings: { path_candidates: 96, sample: 20, first: model-b }", typeof(PathRecipe))]
    [InlineData("search: evolutionary-dfs\nsettings: { path_candidates: 96, sample: 20, scales: matrix, repeats: 1 }", typeof(PathRecipe))]
    [InlineData(
        "search: evolutionary-ps+dfs\nsettings: { candidates: 40, path_candidates: 64, sample: 20 }", typeof(PathRecipe))]
    [InlineData("search: cma-es\nsettings: { candidates: 60, sample: 20 }", typeof(WeightedRecipe))]
    [InlineData("search: fisher-probing\nsettings: { rounds: 2, layer_adapters: 2 }", typeof(WeightedRecipe))]
    [InlineData(
        "search: evo-merging\nsettings: { keep_fraction_candidates: 20, weight_candidates: 40, sample: 20 }", typeof(WeightedRecipe))]
    public async Task ExecuteAsync_Search_WritesTheCheckpointThatItMeasured(string search, Type recipe)
    {
        var (plan, result) = await RunAsync(search + "\nfallback: none" + Output);
        Assert.IsType(recipe, result.Recipe);
        Assert.True(result.ValidationLoss <= result.Stages[0].Start.Loss);
        Assert.InRange(result.Spending.Queries, 1, plan.Forecast.Queries!.Value);

        // The folder is an ordinary model: what it scores is what the search found.
        using var written = EmbeddedModel.Load(Path.Combine(result.Out, "checkpoint"), threads: 1);
        var scores = await written.ScoreAsync(plan.Validation, CancellationToken.None);
        Assert.Equal(result.ValidationLoss, MeanLoss.Of(scores), 1e-3);
        Assert.Equal(MeanLoss.Of(scores), result.Written!.ValidationLoss!.Value, 1e-9);
        Assert.Equal(
            RecipeKey.Of(result.Recipe), RecipeKey.Of(RecipeJson.Read(Path.Combine(result.Out, "recipe.json"))));
        var card = await File.ReadAllTextAsync(Path.Combine(result.Out, "README.md"));
        Assert.Contains("A merge of 3 models", card, StringComparison.Ordinal);
        Assert.Contains(
            string.Create(
                CultureInfo.InvariantCulture, $"| written: type, loss of the files | F32, {result.Written.ValidationLoss:0.0000} |"),
            card, StringComparison.Ordinal);
    }

    /// <summary>Else a start that wins would be asked again, beyond what is kept back for the end.</summary>
    [Theory]
    [InlineData("evolutionary-ps")]
    [InlineData("evolutionary-ps\npreset: paper")]
    [InlineData("evolutionary-dfs")]
    [InlineData("evolutionary-ps+dfs")]
    [InlineData("merge-method")]
    [InlineData("merge-method\nsettings: { coordinates: [parameters, weights] }")]
    [InlineData("cma-es")]
    [InlineData("evo-merging")]
    [InlineData("fisher-probing")]
    [InlineData("grid")]
    public void Plan_Search_BeginsWithTheRecipeThatItsFirstStageMeasures(string search)
    {
        var program = RunPlanner.Plan(zoo.Configure($"search: {search}{Output}", model: Model))[0].Program;
        var space = program.Stages[0].SpaceAround(program.Start);
        Assert.Equal(RecipeKey.Of(program.Start), RecipeKey.Of(space.Decode(space.Start)));
    }

    [Fact]
    public void Observe_EverythingKept_IsNoBoundToWarnOf()
    {
        var program = RunPlanner.Plan(zoo.Configure("search: evolutionary-ps\npreset: paper" + Output, model: Model))[0].Program;
        var space = program.Stages[0].SpaceAround(program.Start);
        IEnumerable<RunWarning> Warnings(double weight) => new RunMonitor("layer-parameters", space, true).Observe(
            1, [], [], [.. space.CoordinateNames.Select(name => name.StartsWith("density", StringComparison.Ordinal) ? 1 : weight)]);
        Assert.Empty(Warnings(0.5));
        Assert.Contains(
            $"{space.CoordinateNames.Count / 2} of {space.CoordinateNames.Count} coordinates",
            Assert.Single(Warnings(1)).Message, StringComparison.Ordinal);
    }

    /// <summary>Without a search that finds something, the best model is written as it was.</summary>
    [Fact]
    public async Task ExecuteAsync_NoMergeBetter_WritesTheBestModel()
    {
        var (_, result) = await RunAsync(
            "search: evolutionary-ps\nsettings: { candidates: 9, sample: 8, lowest_weight: -10, highest_weight: -9 }" + Output);
        Assert.True(result.IsSingle);
        var name = result.Verdict.Single.Name;
        var (mine, theirs) = (
            ModelFolder.Open(Path.Combine(result.Out, "checkpoint")).ReadTensors(),
            ModelFolder.Open(Path.Combine(zoo.PoolFolder, name)).ReadTensors());
        Assert.All(theirs, tensor => Assert.True(mine[tensor.Key].HasValuesOf(tensor.Value)));
    }

    [Fact]
    public async Task ExecuteAsync_CutAnywhereAndResumed_SameBytes()
    {
        const string Search = "search: evolutionary-ps+dfs\nsettings: { candidates: 24, path_candidates: 64, sample: 12 }";
        await RunAsync(Search, "whole");
        var journal = await File.ReadAllLinesAsync(Path.Combine(zoo.Folder, "whole", ObservationJournal.FileName));
        foreach (var kept in (int[])[1, journal.Length / 2, journal.Length])
        {
            var output = Directory.CreateDirectory(Path.Combine(zoo.Folder, $"cut-{kept}")).FullName;
            File.Copy(Path.Combine(zoo.Folder, "whole", RunIdentity.FileName), Path.Combine(output, RunIdentity.FileName));
            await File.WriteAllTextAsync(
                Path.Combine(output, ObservationJournal.FileName), string.Concat(journal.Take(kept).Select(line => line + "\n")));
            await RunAsync(Search, $"cut-{kept}", resume: true);
            foreach (var file in (string[])["recipe.json", "checkpoint/model.safetensors", EvaluationLog.FileName])
            {
                Assert.Equal(
                    await File.ReadAllBytesAsync(Path.Combine(zoo.Folder, "whole", file)),
                    await File.ReadAllBytesAsync(Path.Combine(output, file)));
            }
        }
    }

    [Theory]
    [InlineData("search: evolutionary-ps", "model", "merges whole models of a base; set model: {provider: checkpoints")]
    [InlineData("search: evolutionary-dfs\nsettings: { first: nobody }", Model, "'settings.first' is 'nobody'")]
    [InlineData("search: evolutionary-ps+dfs\nsettings: { first: model-b }", Model, "unknown key 'first' in 'settings'")]
    [InlineData("search: evolutionary-ps\nsettings: { lowest_weight: 2 }", Model, "not below highest_weight 1.5")]
    [InlineData(
        "search: evolutionary-ps\nsettings: { parameters: [weight, density] }", Model,
        "'settings.parameters' names density, which method 'task_arithmetic' does not read")]
    [InlineData("search: evolutionary-ps+dfs\npreset: paper\nsettings: { method: task_arithmetic }", Model, "does not read")]
    [InlineData("search: evolutionary-ps\noutput: { rank: 8 }", Model, "whole models, which merge to no adapter")]
    [InlineData("search: cma-es\nspace: factors", Model, "cannot merge in space 'factors'")]
    public void Plan_WhatCannotWork_IsRefused(string search, string model, string expected)
    {
        if (model == "model") zoo.WriteAdapter("adapter", 2, 1);
        if (model == "model") Directory.GetDirectories(zoo.PoolFolder, "model-*").ToList().ForEach(path => Directory.Delete(path, true));
        Assert.Contains(
            expected, Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(search, model: model))).Message,
            StringComparison.Ordinal);
    }

    /// <summary>A base may store the head that is its embedding; the checkpoint does not.</summary>
    [Fact]
    public async Task ExecuteAsync_TiedHeadsStored_WritesTheCheckpointThatItMeasured()
    {
        foreach (var folder in (string[])[zoo.ModelFolder, .. Directory.GetDirectories(zoo.PoolFolder)]) StoreHead(folder);
        var (plan, result) = await RunAsync("search: cma-es\nsettings: { candidates: 30 }\nfallback: none" + Output);
        using var written = EmbeddedModel.Load(Path.Combine(result.Out, "checkpoint"), threads: 1);
        Assert.Equal(result.ValidationLoss, MeanLoss.Of(await written.ScoreAsync(plan.Validation, CancellationToken.None)), 1e-3);
    }

    [Theory]
    [InlineData("num_hidden_layers", "1")]
    [InlineData("vocab_size", "290")]
    [InlineData("num_attention_heads", "1")]
    [InlineData("tie_word_embeddings", "false")]
    [InlineData("model_type", "\"mistral\"")]
    public void Plan_ModelOfOtherTensors_NamesModelAndKey(string key, string value)
    {
        foreach (var folder in (string[])[zoo.ModelFolder, Path.Combine(zoo.PoolFolder, "model-b")]) StoreHead(folder);
        SetInConfig("model-b", "architectures", "null");
        if (key == "num_attention_heads") SetInConfig("model-b", "num_key_value_heads", value);
        SetInConfig("model-b", key, value);
        var message = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure("search: cma-es", model: Model))).Message;
        Assert.StartsWith(Path.Combine(zoo.PoolFolder, "model-b", "config.json"), message, StringComparison.Ordinal);
        Assert.Contains($"another '{key}' than the base", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rms_norm_eps", "1e-3")]
    [InlineData("rope_theta", "500000.0")]
    [InlineData("rope_scaling", """{"rope_type": "linear", "factor": 2.0}""")]
    public async Task OpenAsync_ModelComputedOtherwise_IsDoubted(string key, string value)
    {
        SetInConfig("model-b", key, value);
        var provider = zoo.Configure("search: cma-es", model: Model).Provider;
        provider.Check(MergeSpace.Delta);
        await using var session = await provider.OpenAsync(TextRules.Plain, CancellationToken.None);
        Assert.Equal($"model-b has another {key} than the base, with whose config.json all models run.", Assert.Single(session.PoolDoubts));
    }

    private void SetInConfig(string model, string key, string value)
    {
        var file = Path.Combine(zoo.PoolFolder, model, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(file))!;
        config[key] = JsonNode.Parse(value);
        File.WriteAllText(file, config.ToJsonString());
    }

    private static void StoreHead(string folder)
    {
        List<TensorData> tensors = [];
        using (var checkpoint = CheckpointReader.Open(folder))
        {
            foreach (var name in checkpoint.TensorNames)
            {
                var values = new float[checkpoint.Find(name)!.Count];
                checkpoint.Read(name, 0, values);
                tensors.Add(new TensorData(name, checkpoint.Find(name)!.Shape, values));
            }
        }

        var embedding = tensors.Single(tensor => tensor.Name == LlamaTensorLayout.EmbedTokens);
        tensors.Add(embedding with { Name = LlamaTensorLayout.LmHead });
        ModelShards.Write(folder, [.. tensors.Select(tensor => tensor.ToSource())], TensorType.F32, long.MaxValue);
    }

    private async Task<(RunPlan Plan, RunResult Result)> RunAsync(string more, string output = "out", bool resume = false)
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(more, output, model: Model), resume));
        var report = await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None);
        return (plan, report.Results[0]);
    }
}
