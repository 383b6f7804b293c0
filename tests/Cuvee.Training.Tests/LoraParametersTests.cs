using Cuvee.Numerics;

namespace Cuvee.Training.Tests;

public class LoraParametersTests
{
    [Fact]
    public void Fold_FilledFactors_IsBasePlusScaledProductInDoubleAndLeavesTheBase()
    {
        var config = TinyModel.Config(tied: true);
        var (source, untouched, target) = (TinyModel.Random(config, 3), TinyModel.Random(config, 3), TinyModel.Random(config, 4));
        var factors = LoraParameters.Create(config, 3, 7, new SeededRandom(8));
        TinyModel.FillLoraB(factors, 9);

        using var team = new ThreadTeam(2);
        factors.Fold(source, target, team);

        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            for (var linear = 0; linear < config.LinearModules.Count; linear++)
            {
                var module = factors.Modules[layer][linear];
                for (var o = 0; o < module.OutFeatures; o++)
                {
                    for (var i = 0; i < module.InFeatures; i++)
                    {
                        var product = Enumerable.Range(0, 3)
                            .Sum(r => (double)module.LoraB[(o * 3) + r] * module.LoraA[(r * module.InFeatures) + i]);
                        var at = (o * module.InFeatures) + i;
                        var expected = untouched.Layers[layer].Linears[linear][at] + (7 / 3.0 * product);
                        Assert.Equal(expected, target.Layers[layer].Linears[linear][at], 1e-6);
                    }
                }
            }
        }

        Assert.Equal(untouched.ToTensors().Select(t => t.Values), source.ToTensors().Select(t => t.Values));
    }

    [Fact]
    public void Create_AnySeed_LoraAIsUniformWithinOneOverRootInAndLoraBZero()
    {
        var factors = LoraParameters.Create(TinyModel.Config(tied: true), 8, 16, new SeededRandom(8));

        foreach (var module in factors.Modules.SelectMany(m => m))
        {
            var bound = 1 / Math.Sqrt(module.InFeatures);
            Assert.All(module.LoraA, a => Assert.InRange(a, -bound, bound));
            var variance = module.LoraA.Average(a => (double)a * a);
            Assert.InRange(variance / (bound * bound / 3), 0.7, 1.3); // at least 160 draws: standard error 0.07
            Assert.All(module.LoraB, b => Assert.Equal(0, b));
        }
    }
}
