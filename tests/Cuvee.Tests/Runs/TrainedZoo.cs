using Cuvee.Data;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Tests.Runs;

/// <summary>
/// <see cref="TinyZoo"/> with real training: a base that answers any word, a helper that was trained to answer colours (which the
/// validation records do) and a harmful adapter that was trained to answer foods.
/// </summary>
public sealed class TrainedZoo : IDisposable
{
    public const string Helper = "colours";
    public const string Harmful = "foods";

    private static readonly string[] Colours = ["red", "blue", "green"];
    private static readonly string[] Foods = ["soup", "bread", "plum"];

    private readonly Lazy<TinyZoo> converged = new(() => Create(helperSteps: 250));
    private readonly Lazy<TinyZoo> halfTrained = new(() => Create(helperSteps: 25));

    /// <summary>The helper was trained to the end: weight 1 is its optimum.</summary>
    public TinyZoo Converged => converged.Value;

    /// <summary>The helper leaves room for improvement.</summary>
    public TinyZoo HalfTrained => halfTrained.Value;

    public void Dispose()
    {
        foreach (var zoo in (Lazy<TinyZoo>[])[converged, halfTrained])
        {
            if (zoo.IsValueCreated) zoo.Value.Dispose();
        }
    }

    private static TinyZoo Create(int helperSteps)
    {
        var zoo = new TinyZoo(adapters: 0);
        var tokenizer = Tokenizer.Load(Path.Combine(zoo.ModelFolder, "tokenizer.json"));
        var stored = HuggingFaceModelReader.ReadWeights(zoo.ModelFolder, zoo.Config);
        var weights = DenseWeights.CopyOf(LlamaWeights.FromTensors(zoo.Config, stored));
        using var team = new ThreadTeam();
        Train(Trainer.Full(weights, Settings(150, 0.01), team, TimeProvider.System), tokenizer, [.. Colours, .. Foods], "base");
        HuggingFaceModelWriter.Write(zoo.ModelFolder, zoo.Config, weights.ToTensors(), TensorType.F32);
        Adapter(zoo, weights, tokenizer, Helper, Colours, helperSteps);
        Adapter(zoo, weights, tokenizer, Harmful, Foods, 60);
        RecordFile.Write(Path.Combine(zoo.Folder, "validation.jsonl"), Records(Colours, 40, "validation"));
        return zoo;
    }

    private static void Adapter(TinyZoo zoo, DenseWeights weights, Tokenizer tokenizer, string name, string[] answers, int steps)
    {
        var factors = LoraParameters.Create(zoo.Config, 2, 2, SeededRandom.Derive(4, name));
        using var team = new ThreadTeam();
        Train(Trainer.Lora(weights, factors, Settings(steps, 0.01), team, TimeProvider.System), tokenizer, answers, name);
        zoo.WriteAdapter(name, 2, factors.ToAdapter(name, "tiny").Modules);
    }

    private static TrainingSettings Settings(int steps, double learningRate) =>
        new() { Steps = steps, LearningRate = learningRate, WarmUpSteps = 5 };

    private static void Train(Trainer trainer, Tokenizer tokenizer, string[] answers, string name)
    {
        var examples = Records(answers, 200, name).Select(record =>
        {
            var prompt = tokenizer.Encode(record.Prompt, addSpecialTokens: true);
            return new TrainingExample([.. prompt, .. tokenizer.Encode(record.Completion, addSpecialTokens: false), 1], prompt.Count);
        });
        trainer.Run(new EpochBatches([.. examples], 16, 1), null, name, null, CancellationToken.None);
    }

    private static List<PromptCompletion> Records(string[] answers, int count, string name)
    {
        var random = SeededRandom.Derive(11, name);
        return [.. Enumerable.Range(0, count).Select(i =>
            new PromptCompletion($"{name}-{i}", $"stone {random.NextInt32(10)}", answers[random.NextInt32(answers.Length)]))];
    }
}
