using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.Lab.Data;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// Builds a zoo from a plan: tokenizer, base model, specialists. Deterministic per instruction set; each artefact is skipped when its
/// fingerprint says it is up to date, and a cut training goes on from its last checkpoint.
/// </summary>
/// <param name="adopt">What lies there with the bytes of its provenance is taken over under the present fingerprint: for a change of the
/// fingerprint's rule that leaves the training data as they were.</param>
public sealed class ZooBuilder(
    ZooPlan plan, DataSetCatalog catalog, string zooFolder, string workFolder, TimeProvider time, TextWriter output, bool adopt = false)
{
    private readonly TextWriter output = TextWriter.Synchronized(output);
    private static readonly string[] DecidingFiles = ["train.jsonl", "test.jsonl"]; // what is tested on is trained on nowhere

    private string BaseFolder => Path.Combine(zooFolder, "base");

    /// <param name="only">Names of specialists to build; empty builds all.</param>
    /// <exception cref="BadInputException">The plan names an unknown task, or the data are too few; thrown before any training.</exception>
    /// <exception cref="BadInputException">The plan names an unknown data set, or a task that its data set does not yield.</exception>
    public void Build(IReadOnlyCollection<string> only, CancellationToken cancellationToken)
    {
        var specialists = plan.Specialists.Where(s => only.Count == 0 || only.Contains(s.Name)).ToArray();
        foreach (var specialist in specialists)
            TaskBuilder.Build(catalog[specialist.Dataset], Parse(specialist.Task), Split.Train, limit: 0);
        Directory.CreateDirectory(BaseFolder);
        Directory.CreateDirectory(workFolder);
        var tokenizer = BuildTokenizer();
        BuildBase(tokenizer, cancellationToken);
        _ = DataFingerprint(); // once, before the threads ask for it
        // One thread a specialist: threads that share one training wait for each other. The bytes are the same.
        using var team = new ThreadTeam();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        team.Run(specialists.Length, i =>
        {
            if (stop.IsCancellationRequested) return;
            try
            {
                BuildSpecialist(specialists[i], tokenizer, team, stop.Token);
            }
            catch
            {
                stop.Cancel(); // no hours of training after one has failed
                throw;
            }
        });
        cancellationToken.ThrowIfCancellationRequested();
    }

    private Tokenizer BuildTokenizer()
    {
        var path = Path.Combine(BaseFolder, "tokenizer.json");
        var fingerprint = ZooFingerprint.Of("tokenizer", plan.Base.VocabSize, DataFingerprint());
        if (UpToDate("tokenizer", fingerprint, path)) return Tokenizer.Load(path);
        output.WriteLine("tokenizer: training");
        var texts = catalog.PlainTexts().Concat(Instructions().SelectMany(r => new[] { r.Prompt, r.Completion })).ToArray();
        BpeTrainer.Train(texts, plan.Base.VocabSize).Save(path);
        new ZooProvenance("tokenizer", fingerprint, ZooFingerprint.OfFile(path), plan.Seed, 0, 0, texts.Length, [], AllDataSets())
            .Write(Provenance("tokenizer"));
        return Tokenizer.Load(path);
    }

    private void BuildBase(Tokenizer tokenizer, CancellationToken cancellationToken)
    {
        var path = Path.Combine(BaseFolder, "model.safetensors");
        var fingerprint = ZooFingerprint.Of(
            "base", plan.Seed, plan.Base, ZooFingerprint.OfFile(Path.Combine(BaseFolder, "tokenizer.json")), DataFingerprint());
        if (UpToDate("base", fingerprint, path)) return;

        var config = plan.Base.ToConfig();
        var encoder = new ExampleEncoder(tokenizer, config.EosTokenIds[0], config.MaxPositionEmbeddings);
        var texts = catalog.PlainTexts().ToArray();
        var plain = texts.SelectMany(t => tokenizer.Encode(t, addSpecialTokens: true).Append(config.EosTokenIds[0])).ToArray();
        if (plain.Length <= plan.Base.PlainLength + 1)
        {
            throw new BadInputException(
                $"The data hold {plain.Length} tokens of plain text, too few for one window; " +
                $"lower base.plain_length ({plan.Base.PlainLength}) or add data.");
        }

        var instructions = encoder.EncodeAll(Instructions());
        output.WriteLine(
            $"base: {texts.Length} texts of {plain.Length} tokens, " +
            $"{instructions.Length} instructions of {instructions.Sum(i => i.Tokens.Length)} tokens");

        var weights = BaseWeights.Draw(config, SeededRandom.Derive(plan.Seed, "base-weights"));
        var settings = new TrainingSettings
        {
            Steps = plan.Base.Steps,
            LearningRate = plan.Base.LearningRate,
            WarmUpSteps = plan.Base.WarmUpSteps,
            WeightDecay = plan.Base.WeightDecay,
            CheckpointEvery = 250,
        };
        var log = new LossLog("base", plan.Base.Steps, 50, output);
        var batches = new BaseBatches(plan.Base, plain, instructions, texts, encoder, plan.Seed);
        var checkpoint = Path.Combine(workFolder, "base.checkpoint.safetensors");
        using var team = new ThreadTeam();
        Trainer.Full(weights, settings, team, time).Run(batches, checkpoint, fingerprint, log, cancellationToken);

        HuggingFaceModelWriter.Write(BaseFolder, config, weights.ToTensors(), TensorType.BF16);
        new ZooProvenance(
            "base", fingerprint, ZooFingerprint.OfFile(path), plan.Seed, plan.Base.Steps,
            TokensOf(batches, plan.Base.Steps), instructions.Length, log.Tenths, AllDataSets()).Write(Provenance("base"));
        File.Delete(checkpoint);
    }

    private void BuildSpecialist(SpecialistPlan specialist, Tokenizer tokenizer, ThreadTeam team, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(zooFolder, "adapters", specialist.Name);
        var path = Path.Combine(folder, PeftReader.TensorFileName);
        var defaults = plan.SpecialistDefaults;
        var steps = specialist.Steps ?? defaults.Steps;
        var fingerprint = ZooFingerprint.Of(
            "specialist", plan.Seed, specialist.Name, steps, defaults,
            ZooFingerprint.OfFile(Path.Combine(BaseFolder, "model.safetensors")), DataFingerprint());
        if (UpToDate(specialist.Name, fingerprint, path)) return;

        var config = HuggingFaceModelReader.ReadConfig(BaseFolder);
        var weights = DenseWeights.CopyOf(LlamaWeights.FromTensors(config, HuggingFaceModelReader.ReadWeights(BaseFolder, config)));
        var encoder = new ExampleEncoder(tokenizer, config.EosTokenIds[0], config.MaxPositionEmbeddings);
        var examples = encoder.EncodeAll(TaskBuilder.Build(catalog[specialist.Dataset], Parse(specialist.Task), Split.Train).Records);
        var seed = SeededRandom.Derive(plan.Seed, specialist.Name).NextUInt64();
        var factors = LoraParameters.Create(config, defaults.Rank, defaults.LoraAlpha, SeededRandom.Derive(seed, "lora"));
        var settings = new TrainingSettings
        {
            Steps = steps,
            LearningRate = defaults.LearningRate,
            WarmUpSteps = defaults.WarmUpSteps,
            WeightDecay = defaults.WeightDecay,
            Beta2 = 0.999,
            CheckpointEvery = 0,
        };
        var log = new LossLog(specialist.Name, steps, 100, output);
        var batches = new EpochBatches(examples, defaults.BatchSize, seed);
        Trainer.Lora(weights, factors, settings, team, time).Run(batches, null, fingerprint, log, cancellationToken);

        PeftWriter.Write(folder, factors.ToAdapter(specialist.Name, "cuvee-zoo-base"), TensorType.BF16);
        new ZooProvenance(
            specialist.Name, fingerprint, ZooFingerprint.OfFile(path), seed, steps, TokensOf(batches, steps),
            examples.Length, log.Tenths, [specialist.Dataset])
            .Write(Provenance(specialist.Name));
    }

    private IEnumerable<LanguageModels.PromptCompletion> Instructions()
    {
        var varied = new VariedInstructions(plan.Base.LabelWords, plan.Seed);
        return plan.Base.Instructions.SelectMany(i => i.Tasks.SelectMany(
            task => varied.Records(catalog[i.Dataset], Parse(task), i.Limit, plan.Base.InstructionCopies)));
    }

    private bool UpToDate(string name, string fingerprint, string path)
    {
        if (!File.Exists(path) || ZooProvenance.TryRead(Provenance(name)) is not { } known) return false;
        if (adopt && known.Fingerprint != fingerprint && known.Sha256 == ZooFingerprint.OfFile(path))
        {
            known = known with { Fingerprint = fingerprint };
            known.Write(Provenance(name));
            output.WriteLine($"{name}: adopted");
        }

        if (known.Fingerprint == fingerprint) output.WriteLine($"{name}: up to date");
        return known.Fingerprint == fingerprint;
    }

    private string Provenance(string name) => Path.Combine(zooFolder, "provenance", name + ".json");

    private string[] AllDataSets() => [.. catalog.DataSets.Select(d => d.Name)];

    private string DataFingerprint() => dataFingerprint ??= ZooFingerprint.Of(
        [.. catalog.DataSets.SelectMany(d => DecidingFiles.Select(file =>
            d.Name + ZooFingerprint.OfFile(Path.Combine(d.Description.Directory, file))))]);

    private string? dataFingerprint;

    private static long TokensOf(IBatchSource batches, int steps) =>
        Enumerable.Range(0, steps).Sum(s => (long)batches.Batch(s).Sum(e => e.Tokens.Length));

    private static LabTask Parse(string task)
    {
        if (Enum.TryParse<LabTask>(task, ignoreCase: true, out var parsed) && Enum.IsDefined(parsed)) return parsed;
        var known = string.Join(", ", Enum.GetNames<LabTask>()).ToLowerInvariant();
        throw new BadInputException($"The plan names the task \"{task}\", which is not known; choose one of {known}.");
    }
}
