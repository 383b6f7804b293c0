using Cuvee.Formats.Peft;
using Cuvee.Lab.References;
using Cuvee.Merging;

namespace Cuvee.Lab.Tests.References;

public sealed class PruningErrorTests
{
    /// <summary>B A with A = [4, 3, 0.5, 0.1] and B = [2, 1]': what a factor loses is what the product loses.</summary>
    [Theory]
    [InlineData(PrunedFactor.LoraA, 0.5)]
    [InlineData(PrunedFactor.LoraB, 0.5)]
    [InlineData(PrunedFactor.Both, 0.5)]
    [InlineData(PrunedFactor.LoraA, 0.9)]
    public void Measure_RankOne_IsTheShareThatTheFactorsLose(PrunedFactor pruned, double keep)
    {
        var module = new LoraModule("model.layers.0.self_attn.q_proj", 4, 2, 1, [4, 3, 0.5f, 0.1f], [2, 1], 1);
        var pool = new AdapterPool([new PeftAdapter("one", new PeftAdapterConfig { Rank = 1, LoraAlpha = 1 }, [module])]);
        var measured = PruningError.Measure(pool).Single(error => error.Pruned == pruned && error.KeepFraction == keep);
        var (wholeA, wholeB) = (25.26, 5.0);
        // Half of A is [4, 3], nine tenths all four entries; half of B is [2].
        var keptA = pruned == PrunedFactor.LoraB || keep == 0.9 ? wholeA : 25;
        var keptB = pruned == PrunedFactor.LoraA || keep == 0.9 ? wholeB : 4;
        Assert.Equal(Math.Sqrt(1 - (keptA * keptB / (wholeA * wholeB))), measured.Errors.Single(), 1e-6);
    }
}
