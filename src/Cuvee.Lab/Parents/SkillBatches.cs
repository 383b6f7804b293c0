using Cuvee.Lab.Data;
using Cuvee.Lab.Zoo;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.Parents;

/// <summary>Fresh training records of a diet for every step; a pure function of seed and step.</summary>
internal sealed class SkillBatches(IReadOnlyList<SkillShare> diet, int batchSize, ExampleEncoder encoder, ulong seed) : IBatchSource
{
    private readonly double total = diet.Sum(share => share.Weight);

    public IReadOnlyList<TrainingExample> Batch(int step)
    {
        var random = SeededRandom.Derive(seed, $"step-{step}");
        return encoder.EncodeAll(Enumerable.Range(0, batchSize).Select(_ => SkillRecords.Draw(Pick(random), Split.Train, random)));
    }

    private Skill Pick(SeededRandom random)
    {
        var left = random.NextDouble() * total;
        foreach (var (skill, weight) in diet)
        {
            if ((left -= weight) < 0) return skill;
        }

        return diet[^1].Skill;
    }
}
