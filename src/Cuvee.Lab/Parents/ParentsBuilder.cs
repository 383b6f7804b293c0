using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.Lab.Data;
using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Metrics;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.Parents;

/// <summary>
/// Builds the models of some plans and the records of every skill in one folder, and measures the models. Deterministic per instruction
/// set; a finished model is not trained again, a cut training goes on from its last checkpoint.
/// </summary>
/// <param name="plans">A model that others start from comes before them.</param>
/// <param name="start">Folder of the model that the first ones start from, the zoo's base.</param>
/// <param name="folder">Gets NAME/ for each model, records/SKILL-SPLIT.jsonl, provenance/NAME.json and parents.json.</param>
public sealed class ParentsBuilder(
    IReadOnlyList<ParentPlan> plans, string start, string folder, ulong seed, TimeProvider time, TextWriter log)
{
    private const int CheckpointEvery = 100;
    private const int FingerprintedSteps = 20;
    private const int MaxAnswerTokens = 128;

    private const int Records = 300;
    private const int QuickRecords = 20;
    private const int QuickShare = 50;

    private readonly TextWriter log = TextWriter.Synchronized(log);

    /// <summary>Of all plans, or of a fiftieth of their training.</summary>
    /// <param name="zoo">Folder of the zoo.</param>
    public static ParentsBuilder For(bool quick, string zoo, string folder, ulong seed, TimeProvider time, TextWriter log) => new(
        quick ? [.. ParentPlan.All.Select(plan => plan with { Steps = plan.Steps / QuickShare })] : ParentPlan.All,
        Path.Combine(zoo, "base"), folder, seed, time, log);

    /// <summary>How many records a full or quick build writes of each skill and split.</summary>
    public static int RecordsOf(bool quick) => quick ? QuickRecords : Records;

    /// <summary>Where <see cref="Build"/> writes the records of a skill.</summary>
    public static string RecordsFile(string folder, string skill, Split split) =>
        Path.Combine(folder, "records", $"{skill}-{split.ToString().ToLowerInvariant()}.jsonl");

    /// <summary>Writes the records and trains what is not there yet.</summary>
    /// <param name="records">Of each skill and split.</param>
    /// <returns>The test records of each skill.</returns>
    /// <exception cref="BadInputException">The start is no model, or a file of it is broken; thrown before anything is written.</exception>
    public IReadOnlyList<(Skill Skill, IReadOnlyList<PromptCompletion> Records)> Build(int records, CancellationToken cancellationToken)
    {
        _ = ModelFolder.Open(start);
        var tests = WriteRecords(records);
        Train(cancellationToken);
        return tests;
    }

    /// <summary><see cref="Build"/>, then every model and some plain merges measured on the test records.</summary>
    /// <param name="records">Of each skill and split.</param>
    /// <exception cref="BadInputException">As for <see cref="Build"/>.</exception>
    public async Task<ParentsTable> BuildAndMeasureAsync(int records, CancellationToken cancellationToken)
    {
        var tests = Build(records, cancellationToken);
        var scores = new List<ParentScore>();
        foreach (var plan in plans)
        {
            using var model = EmbeddedModel.Load(FolderOf(plan.Name));
            await MeasureAsync(plan.Name, model);
        }

        foreach (var merge in PlainMerge.All)
        {
            using var model = merge.Form(FolderOf);
            await MeasureAsync(merge.Name, model);
        }

        var table = new ParentsTable(seed, scores);
        table.Write(Path.Combine(folder, ParentsTable.FileName));
        return table;

        async Task MeasureAsync(string name, EmbeddedModel model)
        {
            var options = new GenerationOptions { MaxTokens = MaxAnswerTokens };
            foreach (var (skill, questions) in tests)
            {
                var measured = await TestMeasurement.OfAsync(model, new ExactMatchMetric(), questions, options, cancellationToken);
                var exact = MetricScore.Of(measured.Counts).Value;
                scores.Add(new ParentScore(name, skill.Name(), questions.Count, Math.Round(exact, 4), Math.Round(measured.Loss, 4)));
            }

            log.WriteLine($"{name}: measured");
        }
    }

    private string FolderOf(string name) => Path.Combine(folder, name);

    /// <returns>The test records of each skill.</returns>
    private List<(Skill Skill, IReadOnlyList<PromptCompletion> Records)> WriteRecords(int count)
    {
        var tests = new List<(Skill, IReadOnlyList<PromptCompletion>)>();
        foreach (var skill in SkillRecords.Measured)
        {
            foreach (var split in new[] { Split.Validation, Split.Test })
            {
                var drawn = SkillRecords.Distinct(skill, split, count, seed);
                RecordFile.Write(RecordsFile(folder, skill.Name(), split), drawn);
                if (split == Split.Test) tests.Add((skill, drawn));
            }
        }

        return tests;
    }

    /// <summary>What starts from one model together, one thread a model: threads that share a training wait for each other.</summary>
    private void Train(CancellationToken cancellationToken)
    {
        using var team = new ThreadTeam();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        foreach (var siblings in plans.GroupBy(plan => plan.From).Select(group => group.ToArray()))
        {
            team.Run(siblings.Length, i =>
            {
                if (stop.IsCancellationRequested) return;
                try
                {
                    Train(siblings[i], team, stop.Token);
                }
                catch
                {
                    stop.Cancel();
                    throw;
                }
            });
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private void Train(ParentPlan plan, ThreadTeam team, CancellationToken cancellationToken)
    {
        var from = plan.From is null ? start : FolderOf(plan.From);
        var target = FolderOf(plan.Name);
        var file = Path.Combine(target, "model.safetensors");
        var provenance = Path.Combine(folder, "provenance", plan.Name + ".json");
        var config = HuggingFaceModelReader.ReadConfig(from);
        var encoder = new ExampleEncoder(Tokenizer.Open(from), config.EosTokenIds[0], config.MaxPositionEmbeddings);
        var own = SeededRandom.Derive(seed, $"parents/{plan.Name}").NextUInt64();
        var batches = new SkillBatches(plan.Diet, plan.BatchSize, encoder, own);
        var fingerprint = ZooFingerprint.Of(
            "parent", plan, ZooFingerprint.OfFile(Path.Combine(from, "model.safetensors")),
            Enumerable.Range(0, FingerprintedSteps).SelectMany(batches.Batch).SelectMany(example => example.Tokens));
        if (File.Exists(file) && ZooProvenance.TryRead(provenance)?.Fingerprint == fingerprint)
        {
            log.WriteLine($"{plan.Name}: up to date");
            return;
        }

        var weights = DenseWeights.CopyOf(LlamaWeights.FromTensors(config, HuggingFaceModelReader.ReadWeights(from, config)));
        var settings = new TrainingSettings
        {
            Steps = plan.Steps,
            LearningRate = plan.LearningRate,
            WarmUpSteps = Math.Min(50, plan.Steps / 5),
            CheckpointEvery = CheckpointEvery,
        };
        var losses = new LossLog(plan.Name, plan.Steps, 100, log);
        var checkpoint = Path.Combine(folder, plan.Name + ".checkpoint.safetensors");
        Trainer.Full(weights, settings, team, time).Run(batches, checkpoint, fingerprint, losses, cancellationToken);

        if (Directory.Exists(target)) Directory.Delete(target, recursive: true);
        Directory.CreateDirectory(target);
        TokenizerFiles.Copy(from, target);
        HuggingFaceModelWriter.Write(target, config, weights.ToTensors(), TensorType.BF16);
        var tokens = Enumerable.Range(0, plan.Steps).Sum(step => (long)batches.Batch(step).Sum(example => example.Tokens.Length));
        new ZooProvenance(
            plan.Name, fingerprint, ZooFingerprint.OfFile(file), own, plan.Steps, tokens, plan.Steps * plan.BatchSize, losses.Tenths, [])
            .Write(provenance);
        File.Delete(checkpoint);
    }
}
