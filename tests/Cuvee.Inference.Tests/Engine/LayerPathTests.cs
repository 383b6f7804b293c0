using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.LanguageModels;

namespace Cuvee.Inference.Tests.Engine;

public class LayerPathTests
{
    [Theory]
    [MemberData(nameof(EngineFixture.Models), MemberType = typeof(EngineFixture))]
    public void Join_OwnLayersInOrder_SameBitsAsTheModel(string model)
    {
        var fixture = EngineFixture.Load(model);
        var path = LayerPath.Join(
            "p", [fixture.Weights], [.. Enumerable.Range(0, fixture.Config.NumHiddenLayers).Select(layer => new PathStep(0, layer))]);
        using var engine = new LlamaEngine(fixture.Config, threads: 2);
        Assert.Equal(
            engine.ScoreTokens(fixture.Weights, null, fixture.Records), engine.ScoreTokens(path, null, fixture.Records));
    }

    /// <summary>
    /// The unfolded path runs on an engine made for the plain model; the folded one is read back as an ordinary checkpoint, which knows no
    /// scales. Prompts and single tokens go different ways through the engine, so both are compared.
    /// </summary>
    [Theory]
    [MemberData(nameof(EngineFixture.Models), MemberType = typeof(EngineFixture))]
    public void Fold_ScaledRepeatedAndForeignLayers_ScoresAndContinuesLikeThePath(string model)
    {
        var fixture = EngineFixture.Load(model);
        var last = fixture.Config.NumHiddenLayers - 1;
        var path = LayerPath.Join(
            "p", [fixture.Weights, Reversed(fixture.Weights)],
            [new(0, 0, 0.8f), new(0, last, -1.3f), new(1, last, -0.9f), new(0, 0), new(1, 0, -1.1f)]);
        TokenizedPrompt[] prompts = [.. fixture.Expected.Greedy.Continuations.Select((each, i) =>
            new TokenizedPrompt($"{i}", each.Prompt))];
        var options = new GenerationOptions { MaxTokens = 8, Temperature = 0 };
        var folder = Directory.CreateTempSubdirectory("cuvee-path-");
        try
        {
            HuggingFaceModelWriter.Write(folder.FullName, path.Config, LayerPath.Fold("p", path), TensorType.F32);
            var config = HuggingFaceModelReader.ReadConfig(folder.FullName);
            Assert.Equal(5, config.NumHiddenLayers);
            var folded = LlamaWeights.FromTensors(config, HuggingFaceModelReader.ReadWeights(folder.FullName, config));
            using var engine = new LlamaEngine(fixture.Config, threads: 2);
            using var plainEngine = new LlamaEngine(config, threads: 2);
            var unfolded = engine.ScoreTokens(path, null, fixture.Records).SelectMany(scores => scores).ToList();
            var plain = plainEngine.ScoreTokens(folded, null, fixture.Records).SelectMany(scores => scores).ToList();
            Assert.All(unfolded.Zip(plain), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
            Assert.Equal(
                engine.GenerateTokens(path, prompts, options).Select(each => each.Tokens),
                plainEngine.GenerateTokens(folded, prompts, options).Select(each => each.Tokens));

            // Scales that had no effect would pass all that.
            var unscaled = LayerPath.Join(
                "p", [fixture.Weights, Reversed(fixture.Weights)], [new(0, 0), new(0, last), new(1, last), new(0, 0), new(1, 0)]);
            var others = engine.ScoreTokens(unscaled, null, fixture.Records).SelectMany(scores => scores);
            Assert.True(unfolded.Zip(others, (a, b) => Math.Abs(a - b)).Max() > 0.01);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData(2, 0, 1, "path[0] takes model 2, but there are 2")]
    [InlineData(0, 99, 1, "path[0] takes layer 99 of model 0")]
    [InlineData(0, 0, 0, "path[0] scales its input by 0")]
    public void Join_WrongStep_NamesIt(int model, int layer, float scale, string message)
    {
        var weights = EngineFixture.Load("a").Weights;
        var error = Assert.Throws<BadInputException>(() => LayerPath.Join("p.json", [weights, weights], [new(model, layer, scale)]));
        Assert.StartsWith("p.json: " + message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Join_ModelsOfTwoShapes_IsRefused()
    {
        var models = new[] { EngineFixture.Load("a").Weights, EngineFixture.Load("qwen3").Weights };
        Assert.Contains(
            "models[1]", Assert.Throws<BadInputException>(() => LayerPath.Join("p", models, [new(0, 0)])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Fold_Stopped_FormsNoMoreRows()
    {
        using var stop = new CancellationTokenSource();
        var embedding = LayerPath.Fold("p", EngineFixture.Load("a").Weights, stop.Token).First();
        var rows = new float[embedding.Shape[1]];
        embedding.Fill(0, rows);
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => embedding.Fill(0, rows));
    }

    [Fact]
    public void Fold_ScalesThatVanishTogether_IsRefused()
    {
        var weights = EngineFixture.Load("a").Weights;
        var path = LayerPath.Join("p", [weights], [new(0, 0, 1e-30f), new(0, 0, 1e-30f)]);
        Assert.Contains(
            "path[1]", Assert.Throws<BadInputException>(() => LayerPath.Fold("p", path).ToList()).Message, StringComparison.Ordinal);
    }

    /// <summary>Another model of the same shape: the layers the other way round.</summary>
    private static LlamaWeights Reversed(LlamaWeights weights) => new()
    {
        Config = weights.Config,
        EmbedTokens = weights.EmbedTokens,
        Layers = [.. weights.Layers.Reverse()],
        Norm = weights.Norm,
        LmHead = weights.LmHead,
    };
}
