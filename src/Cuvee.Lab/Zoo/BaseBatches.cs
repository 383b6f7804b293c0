using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// The base model's diet: each step some windows of plain text, labelled general instructions and copying tasks; a
/// pure function of seed and step.
/// </summary>
internal sealed class BaseBatches(
    BasePlan plan, int[] plainTokens, IReadOnlyList<TrainingExample> instructions, IReadOnlyList<string> texts,
    ExampleEncoder encoder, ulong seed) : IBatchSource
{
    private readonly EpochBatches instructionBatches = new(instructions, plan.InstructionSequences, seed);

    public IReadOnlyList<TrainingExample> Batch(int step)
    {
        var random = SeededRandom.Derive(seed, $"base-step-{step}");
        var batch = new List<TrainingExample>(instructionBatches.Batch(step));
        for (var i = 0; i < plan.PlainSequences; i++)
        {
            var start = random.NextInt32(plainTokens.Length - plan.PlainLength - 1);
            batch.Add(new TrainingExample(plainTokens[start..(start + plan.PlainLength + 1)], 1));
        }

        for (var i = 0; i < plan.CopySequences; i++)
        {
            if (encoder.Encode(CopyTask.Draw(texts, random)) is { } example) batch.Add(example);
        }

        return batch;
    }
}
