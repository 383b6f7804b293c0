using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Training.Tests;

public sealed class GradientTests : IDisposable
{
    private const double Step = 1e-5;

    private readonly ThreadTeam team = new(2);

    public static TheoryData<string> Kinds => TinyModel.Kinds;

    public void Dispose() => team.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Run_EveryWeightTensor_MatchesCentralDifferencesInDouble(string kind)
    {
        var config = TinyModel.Config(kind);
        var weights = TinyModel.Random(config, 3);
        (int, int)[] shapes = config.MaxPositionEmbeddings > 100 ? [(141, 120), (66, 60)] : [(9, 4), (17, 1), (3, 2)];
        var batch = TinyModel.Batch(config, 5, shapes);
        var work = new SharedWork(team);
        var target = new FullTarget(weights, work);

        var loss = new TrainingPass(config, work).Run(weights, batch, 1, target.Sink);

        var wide = DoubleLlama.Widen(weights);
        Assert.Equal(batch.Sum(e => DoubleLlama.Loss(config, wide, e)), loss, 1e-4 * loss);
        var random = new SeededRandom(1);
        Assert.Equal(LlamaTensorLayout.Tensors(config).Select(tensor => tensor.Name), target.Parameters.Select(p => p.Name));
        foreach (var parameter in target.Parameters)
        {
            for (var probe = 0; probe < (config.MaxPositionEmbeddings > 100 ? 2 : 6); probe++)
            {
                var i = random.NextInt32(parameter.Values.Length);
                AssertClose(
                    Difference(wide[parameter.Name], i, () => batch.Sum(e => DoubleLlama.Loss(config, wide, e))),
                    parameter.Gradient[i], parameter.Name);
            }
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public void Run_EveryLoraFactor_MatchesCentralDifferencesInDouble(string kind)
    {
        var config = TinyModel.Config(kind);
        var weights = TinyModel.Random(config, 3);
        var batch = TinyModel.Batch(config, 6, (11, 5), (8, 3));
        var factors = LoraParameters.Create(config, 3, 6, new SeededRandom(8));
        var random = new SeededRandom(9);
        foreach (var module in factors.Modules.SelectMany(m => m))
        {
            for (var i = 0; i < module.LoraB.Length; i++) module.LoraB[i] = (float)(random.NextGaussian() * 0.1);
        }

        var work = new SharedWork(team);
        var target = new LoraTarget(weights, factors, work);
        new TrainingPass(config, work).Run(target.Effective(), batch, 1, target.Sink);

        foreach (var (module, index) in factors.Modules.SelectMany(m => m).Select((m, i) => (m, i)))
        {
            var a = Array.ConvertAll(module.LoraA, v => (double)v);
            var b = Array.ConvertAll(module.LoraB, v => (double)v);
            var wide = DoubleLlama.Widen(weights);
            foreach (var other in factors.Modules.SelectMany(m => m).Where(m => m.Name != module.Name))
                AddDelta(
                    wide[other.Name + ".weight"], Array.ConvertAll(other.LoraA, v => (double)v),
                    Array.ConvertAll(other.LoraB, v => (double)v),
                    other.Rank, other.Scaling);
            var frozen = (double[])wide[module.Name + ".weight"].Clone();
            double Loss()
            {
                frozen.CopyTo(wide[module.Name + ".weight"], 0);
                AddDelta(wide[module.Name + ".weight"], a, b, module.Rank, module.Scaling);
                return batch.Sum(e => DoubleLlama.Loss(config, wide, e));
            }

            var (i, j) = (random.NextInt32(a.Length), random.NextInt32(b.Length));
            AssertClose(Difference(a, i, Loss), target.Parameters[2 * index].Gradient[i], module.Name + " A");
            AssertClose(Difference(b, j, Loss), target.Parameters[(2 * index) + 1].Gradient[j], module.Name + " B");
        }
    }

    private static void AddDelta(double[] weight, double[] a, double[] b, int rank, double scaling)
    {
        var inFeatures = a.Length / rank;
        for (var o = 0; o < b.Length / rank; o++)
        {
            for (var i = 0; i < inFeatures; i++)
            {
                for (var r = 0; r < rank; r++) weight[(o * inFeatures) + i] += scaling * b[(o * rank) + r] * a[(r * inFeatures) + i];
            }
        }
    }

    internal static double Difference(double[] values, int i, Func<double> loss)
    {
        var saved = values[i];
        values[i] = saved + Step;
        var above = loss();
        values[i] = saved - Step;
        var below = loss();
        values[i] = saved;
        return (above - below) / (2 * Step);
    }

    internal static void AssertClose(double expected, double actual, string name) =>
        Assert.True(
            Math.Abs(expected - actual) <= 2e-4 * Math.Max(1, Math.Abs(expected)),
            $"{name}: central difference {expected}, backward pass {actual}");
}
