using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.Lab.References;
using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.Tests.References;

public sealed class GradientTrainedWeightsTests : IDisposable
{
    private static readonly PromptCompletion[] Records =
    [
        new("0", "who ordered the soup?", " the captain"),
        new("1", "who ordered the cake?", " the gardener and the captain"),
        new("2", "what did the gardener order?", " cake"),
        new("3", "what is left?", " none"),
    ];

    private readonly EmbeddedModel model;
    private readonly AdapterPool pool;
    private readonly ThreadTeam team = new(2);

    public GradientTrainedWeightsTests()
    {
        var tokenizer = BpeTrainer.Train(Records.Select(r => r.Prompt + r.Completion), 270);
        var config = new LlamaConfig
        {
            HiddenSize = 16,
            IntermediateSize = 20,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 8,
            VocabSize = 270,
            MaxPositionEmbeddings = 64,
            TieWordEmbeddings = true,
            BosTokenId = 0,
            EosTokenIds = [1],
        };
        var weights = BaseWeights.Draw(config, new SeededRandom(3));
        foreach (var values in weights.ToTensors().Where(t => t.Shape.Count > 1).Select(t => t.Values))
        {
            for (var i = 0; i < values.Length; i++) values[i] *= 10; // an untrained model of fresh size answers nothing but the mean
        }

        model = new EmbeddedModel(LlamaWeights.FromTensors(weights.Config, weights.ToTensors()), tokenizer);
        pool = new AdapterPool([.. Enumerable.Range(0, 3).Select(n =>
        {
            var random = SeededRandom.Derive(7, $"adapter-{n}");
            var factors = LoraParameters.Create(config, 2 + n, 4, random);
            foreach (var module in factors.Modules.SelectMany(m => m))
            {
                for (var i = 0; i < module.LoraB.Length; i++) module.LoraB[i] = (float)(random.NextGaussian() * 0.2);
            }

            return factors.ToAdapter($"adapter-{n}", "base");
        })]);
    }

    public void Dispose()
    {
        model.Dispose();
        team.Dispose();
    }

    [Fact]
    public async Task LossAndGradient_AnyWeights_MatchesScoresAndCentralDifferences()
    {
        var reference = new GradientTrainedWeights(model, pool, Records, team);
        double[] weights = [0.4, -0.3, 0.7];

        var (loss, gradient) = reference.LossAndGradient(weights);

        Assert.Equal(await LossAsync(weights), loss, 1e-4);
        for (var i = 0; i < weights.Length; i++)
        {
            const double Step = 0.03;
            async Task<double> At(double by)
            {
                var moved = weights.ToArray();
                moved[i] += by;
                return await LossAsync(moved);
            }

            // Fourth-order central difference: fp32 losses allow no small step.
            var difference = ((8 * (await At(Step) - await At(-Step))) - (await At(2 * Step) - await At(-2 * Step))) / (12 * Step);
            Assert.True(Math.Abs(difference) > 0.01, $"adapter {i} does not matter: {difference}");
            Assert.True(Math.Abs(difference - gradient[i]) <= 1e-3, $"adapter {i}: difference {difference}, gradient {gradient[i]}");
        }
    }

    [Fact]
    public async Task Train_SomeSteps_ReturnsTheBestWeightsSeenAndThoseAreMuchBetter()
    {
        var reported = new List<double>();

        var recipe = new GradientTrainedWeights(model, pool, Records, team)
            .Train(40, 0.1, (_, loss) => reported.Add(loss), CancellationToken.None);

        Assert.Equal(41, reported.Count);
        Assert.Equal(await LossAsync([1 / 3.0, 1 / 3.0, 1 / 3.0]), reported[0], 1e-4);
        Assert.Equal(MergeSpace.Delta, recipe.Space);
        Assert.Equal(pool.Adapters.Select(a => a.Name), recipe.Adapters.Select(a => a.Name));
        Assert.Equal(reported.Min(), await LossAsync([.. recipe.Adapters.Select(a => a.Weight)]), 1e-4);
        Assert.True(reported.Min() < reported[0] - 0.1, $"from {reported[0]} to {reported.Min()}");
    }

    /// <summary>The black box's view: deltas summed in double, records scored by the inference engine.</summary>
    private async Task<double> LossAsync(double[] weights)
    {
        var tensors = model.Weights.ToTensors().ToDictionary(t => t.Name, t => Array.ConvertAll(t.Values, v => (double)v));
        foreach (var (adapter, weight) in pool.Adapters.Zip(weights))
        {
            foreach (var module in adapter.Modules)
            {
                var target = tensors[module.Name + ".weight"];
                var (loraA, loraB) = (module.LoraA.ToSingles(), module.LoraB.ToSingles());
                for (var at = 0; at < target.Length; at++)
                {
                    var (o, i) = (at / module.InFeatures, at % module.InFeatures);
                    var sum = 0.0;
                    for (var r = 0; r < module.Rank; r++)
                        sum += (double)loraB[(o * module.Rank) + r] * loraA[(r * module.InFeatures) + i];
                    target[at] += weight * module.Scaling * sum;
                }
            }
        }

        var merged = LlamaWeights.FromTensors(model.Weights.Config, model.Weights.ToTensors().Select(
            t => new TensorData(t.Name, t.Shape, Array.ConvertAll(tensors[t.Name], v => (float)v))));
        using var mergedModel = new EmbeddedModel(merged, model.Tokenizer);
        var scores = await mergedModel.ScoreAsync(Records, CancellationToken.None);
        return -scores.Sum(s => s.LogProbability) / scores.Sum(s => s.Tokens);
    }
}
