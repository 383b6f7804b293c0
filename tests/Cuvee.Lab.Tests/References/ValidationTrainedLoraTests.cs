using Cuvee.Formats.HuggingFace;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.Lab.References;
using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Lab.Tests.References;

public sealed class ValidationTrainedLoraTests : IDisposable
{
    private static readonly string[] Guests = ["captain", "gardener", "baker", "sailor", "farmer"];
    private static readonly string[] Dishes = ["soup", "cake"];

    /// <summary>What is asked decides the answer, so that records left out can be learned from the others.</summary>
    private static readonly PromptCompletion[] Records =
        [.. Guests.SelectMany(guest => Dishes.Select(dish =>
            new PromptCompletion($"{guest}-{dish}", $"{dish} for the {guest}?", $" {dish}")))];

    private readonly EmbeddedModel model;
    private readonly ThreadTeam team = new(2);

    public ValidationTrainedLoraTests()
    {
        var tokenizer = BpeTrainer.Train(Records.Select(r => r.Prompt + r.Completion), 300);
        var config = new LlamaConfig
        {
            HiddenSize = 16,
            IntermediateSize = 20,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 8,
            VocabSize = tokenizer.VocabSize,
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
    }

    public void Dispose()
    {
        model.Dispose();
        team.Dispose();
    }

    [Fact]
    public async Task Train_LearnableRecords_AdapterIsMuchBetterThanTheBaseForTheEngineToo()
    {
        var trained = Train(seed: 1, [1e-2], (_, _, _) => { });
        Assert.Equal((8, 16.0), (trained.Adapter.Config.Rank, trained.Adapter.Config.LoraAlpha));
        Assert.Equal(2 * 7, trained.Adapter.Modules.Count);
        var before = Mean(await model.ScoreAsync(Records, CancellationToken.None));
        var after = Mean(await AdaptedModel.Create(model, trained.Adapter).ScoreAsync(Records, CancellationToken.None));
        Assert.True(after < 0.5 * before, $"from {before} to {after}");
        Assert.True(trained.HeldOutLoss < before, $"held out {trained.HeldOutLoss}, base {before}");
    }

    [Fact]
    public void Train_Grid_ChoosesTheLowestHeldOutLossAndStopsFourEpochsAfterARatesBest()
    {
        var reports = new List<(double Rate, int Epoch, double Loss)>();
        var trained = Train(seed: 2, [1e-3, 3e-2], (rate, epoch, loss) => reports.Add((rate, epoch, loss)));
        var best = reports.MinBy(report => report.Loss);
        Assert.Equal((best.Rate, best.Epoch, best.Loss), (trained.LearningRate, trained.Epochs, trained.HeldOutLoss));
        foreach (var rate in (double[])[1e-3, 3e-2])
        {
            var own = reports.Where(report => report.Rate == rate).ToList();
            Assert.Equal(Enumerable.Range(1, own.Count), own.Select(report => report.Epoch));
            Assert.Equal(Math.Min(30, own.MinBy(report => report.Loss).Epoch + 4), own.Count);
        }
    }

    /// <summary>With a rate that moves nothing the held-out loss is the base model's on two of the ten records.</summary>
    [Fact]
    public async Task Train_HeldOutLoss_IsMeasuredOnAFifthOfTheRecords()
    {
        var reported = new List<double>();
        Train(seed: 3, [1e-12], (_, _, loss) => reported.Add(loss));
        var scores = await model.ScoreAsync(Records, CancellationToken.None);
        var pairs = from a in scores from b in scores where !ReferenceEquals(a, b) select Mean([a, b]);
        Assert.Contains(pairs, loss => Math.Abs(loss - reported[0]) < 1e-5);
        Assert.True(Math.Abs(Mean(scores) - reported[0]) > 1e-3, "the records are told apart by their losses");
    }

    [Fact]
    public void Train_SameSeed_SameFactorsAndOtherSeedsOthers()
    {
        var (first, again) = (Train(4, [1e-2], (_, _, _) => { }), Train(4, [1e-2], (_, _, _) => { }));
        var other = Train(5, [1e-2], (_, _, _) => { });
        Assert.Equal(Factors(first), Factors(again));
        Assert.NotEqual(Factors(first), Factors(other));
    }

    [Fact]
    public void Train_Cancelled_Ends()
    {
        using var stop = new CancellationTokenSource();
        var calls = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => new ValidationTrainedLora(model, Records, team, TimeProvider.System).Train(
            "lora", "base", 1, [1e-2],
            (_, _, _) =>
            {
                calls++;
                stop.Cancel();
            },
            stop.Token));
        Assert.Equal(1, calls);
    }

    private TrainedLora Train(ulong seed, IReadOnlyList<double> rates, Action<double, int, double> report) =>
        new ValidationTrainedLora(model, Records, team, TimeProvider.System)
            .Train("lora", "base", seed, rates, report, CancellationToken.None);

    private static float[] Factors(TrainedLora trained) =>
        [.. trained.Adapter.Modules.SelectMany(module => (float[])[.. module.LoraA.ToSingles(), .. module.LoraB.ToSingles()])];

    private static double Mean(IReadOnlyList<ScoredCompletion> scores) =>
        -scores.Sum(score => score.LogProbability) / scores.Sum(score => score.Tokens);
}
