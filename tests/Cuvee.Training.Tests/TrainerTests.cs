using Cuvee.Numerics;

namespace Cuvee.Training.Tests;

public sealed class TrainerTests : IDisposable
{
    private static readonly TrainingSettings Settings = new()
    {
        Steps = 12,
        LearningRate = 5e-3,
        WarmUpSteps = 3,
        WeightDecay = 0.1,
        CheckpointEvery = 5,
    };

    private static readonly ThreadTeam Team = new(2);

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-training").FullName;

    private string Checkpoint => Path.Combine(folder, "checkpoint.safetensors");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_CutAndResumedWithNewObjects_ParametersEqualUncutBitForBit(bool lora)
    {
        var uncut = new Training(lora, 3);
        var losses = uncut.Run(null, "f");
        using var cut = new CancellationTokenSource();

        var before = new ProgressList(p => { if (p.Step == 7) cut.Cancel(); });
        Assert.Throws<OperationCanceledException>(() => new Training(lora, 3).Trainer.Run(Batches(), Checkpoint, "f", before, cut.Token));
        var resumed = new Training(lora, 99); // its start must not matter: everything comes from the checkpoint
        var after = resumed.Run(Checkpoint, "f");

        Assert.Equal(7, before.Reports.Count);
        Assert.Equal(Enumerable.Range(6, 7), after.Select(p => p.Step)); // the checkpoint of step 5
        Assert.Equal(losses.Skip(5).Select(p => (p.Loss, p.GradientNorm)), after.Select(p => (p.Loss, p.GradientNorm)));
        Assert.Equal(uncut.Values(), resumed.Values());
        Assert.NotEqual(new Training(lora, 3).Values(), uncut.Values());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_AnyNumberOfThreads_SameBits(bool lora)
    {
        var results = new[] { 1, 2, 5 }.Select(threads =>
        {
            using var team = new ThreadTeam(threads);
            var training = new Training(lora, 3, team);
            var losses = training.Run(null, "f").Select(report => (report.Loss, report.GradientNorm)).ToArray();
            return (losses, Values: training.Values().ToArray());
        }).ToArray();
        Assert.All(results[1..], result => Assert.Equal(results[0].losses, result.losses));
        Assert.All(results[1..], result => Assert.Equal(results[0].Values, result.Values));
    }

    [Fact]
    public void Run_CheckpointOfAnotherFingerprint_IsNotUsed()
    {
        new Training(true, 3).Run(Checkpoint, "another");
        var (fresh, uncut) = (new Training(true, 3), new Training(true, 3));

        var reports = fresh.Run(Checkpoint, "this");
        uncut.Run(null, "this");

        Assert.Equal(1, reports[0].Step);
        Assert.Equal(uncut.Values(), fresh.Values());
    }

    [Fact]
    public void Run_CheckpointOfTheWholeTraining_RestoresWithoutAStep()
    {
        var done = new Training(false, 3);
        done.Run(Checkpoint, "f");
        var again = new Training(false, 99);

        Assert.Empty(again.Run(Checkpoint, "f"));
        Assert.Equal(done.Values(), again.Values());
    }

    [Fact]
    public void Run_LoraOnALearnableTask_LearnsItAndLeavesTheBase()
    {
        var config = TinyModel.Config(tied: true);
        var (weights, untouched) = (TinyModel.Random(config, 3), TinyModel.Random(config, 3));
        var random = new SeededRandom(2);
        var examples = Enumerable.Range(0, 24).Select(_ => Counting(random.NextInt32(8))).ToArray();
        var factors = LoraParameters.Create(config, 4, 8, new SeededRandom(8));
        var settings = new TrainingSettings { Steps = 120, LearningRate = 1e-2, Beta2 = 0.999 };
        var trainer = Trainer.Lora(weights, factors, settings, Team, TimeProvider.System);
        var before = trainer.Evaluate(examples);

        trainer.Run(new EpochBatches(examples, 6, 1), null, "", null, CancellationToken.None);

        var after = trainer.Evaluate(examples);
        Assert.True(after < 0.1 * before, $"loss before {before}, after {after}");
        Assert.Equal(untouched.ToTensors().Select(t => t.Values), weights.ToTensors().Select(t => t.Values));
    }

    [Fact]
    public void Evaluate_LoraOverMoreThanOneChunk_EqualsDoubleLossOfFoldedWeights()
    {
        var config = TinyModel.Config(tied: false);
        var weights = TinyModel.Random(config, 3);
        var factors = LoraParameters.Create(config, 3, 6, new SeededRandom(8));
        TinyModel.FillLoraB(factors, 9);
        var batch = TinyModel.Batch(config, 5, [.. Enumerable.Range(0, 35).Select(i => (2 + (i % 7), 1 + (i % 7 / 2)))]);

        var loss = Trainer.Lora(weights, factors, Settings, Team, TimeProvider.System).Evaluate(batch);

        var folded = TinyModel.Random(config, 3);
        factors.Fold(weights, folded, Team);
        var wide = DoubleLlama.Widen(folded);
        var expected = batch.Sum(e => DoubleLlama.Loss(config, wide, e)) / batch.Sum(e => e.Tokens.Length - e.ScoredFrom);
        Assert.Equal(expected, loss, 1e-5 * expected);
    }

    [Fact]
    public void Run_LossNotFinite_SaysWhichStepAndWhatToDo()
    {
        var weights = TinyModel.Random(TinyModel.Config(tied: true), 3);
        weights.Norm[0] = float.NaN;

        var exception = Assert.Throws<InvalidOperationException>(
            () => Trainer.Full(weights, Settings, Team, TimeProvider.System).Run(Batches(), null, "", null, CancellationToken.None));

        Assert.Contains("step 0", exception.Message, StringComparison.Ordinal);
        Assert.Contains("lower the learning rate", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>0..7 counted upwards in a circle: the next token follows from the current one.</summary>
    private static TrainingExample Counting(int start) => new([.. Enumerable.Range(start, 8).Select(t => t % 8)], 1);

    private static EpochBatches Batches() =>
        new(TinyModel.Batch(TinyModel.Config(tied: true), 6, [.. Enumerable.Range(0, 11).Select(i => (4 + i, 1 + (i % 3)))]), 3, 5);

    private sealed class Training
    {
        private readonly DenseWeights weights;
        private readonly LoraParameters? factors;

        public Training(bool lora, ulong seed, ThreadTeam? team = null)
        {
            team ??= Team;
            var config = TinyModel.Config(tied: true);
            weights = TinyModel.Random(config, lora ? 3 : seed);
            factors = lora ? LoraParameters.Create(config, 3, 6, new SeededRandom(seed)) : null;
            Trainer = factors is null
                ? Trainer.Full(weights, Settings, team, TimeProvider.System)
                : Trainer.Lora(weights, factors, Settings, team, TimeProvider.System);
        }

        public Trainer Trainer { get; }

        public List<TrainingProgress> Run(string? checkpoint, string fingerprint)
        {
            var progress = new ProgressList();
            Trainer.Run(Batches(), checkpoint, fingerprint, progress, CancellationToken.None);
            return progress.Reports;
        }

        public IEnumerable<float[]> Values() => factors is null
            ? weights.ToTensors().Select(t => t.Values)
            : factors.Modules.SelectMany(l => l).SelectMany(m => new[] { m.LoraA, m.LoraB });
    }
}
