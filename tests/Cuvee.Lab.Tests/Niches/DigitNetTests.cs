using Cuvee.Lab.Niches;
using Cuvee.Numerics;

namespace Cuvee.Lab.Tests.Niches;

public sealed class DigitNetTests
{
    private static readonly DigitImages Images = Random(37);

    [Fact]
    public void WeightCount_OfTheMlp_IsThePapers() =>
        Assert.Equal((19_210, 203_530), (new DigitNet(Images).WeightCount, DigitNet.WeightsOf(784)));

    [Fact]
    public void Errors_AgainstADoubleTwin_AreTheSame()
    {
        var random = new SeededRandom(4);
        double[] point = [.. Enumerable.Range(0, DigitNet.WeightsOf(64)).Select(_ => (double)(float)random.NextGaussian())];
        var errors = new DigitNet(Images).Errors(point);
        var expected = Enumerable.Range(0, Images.Count)
            .Select(i => Logits(point, i).Index().MaxBy(pair => pair.Item).Index == Images.Labels[i] ? 0.0 : 1);
        Assert.Equal(expected, errors);
        Assert.InRange(errors.Sum(), 1, Images.Count - 1);
    }

    [Fact]
    public void Gradient_AgainstDifferencesOfTheTwin_IsTheSame()
    {
        var random = new SeededRandom(5);
        float[] point = [.. Enumerable.Range(0, DigitNet.WeightsOf(64)).Select(_ => (float)(0.1 * random.NextGaussian()))];
        var gradient = new float[point.Length];
        var loss = new DigitNet(Images).Gradient(point, gradient);
        double[] exact = [.. point.Select(value => (double)value)];
        Assert.Equal(Loss(exact), loss, 5);
        foreach (var i in (int[])[70, 5000, 16383, 16384, 16500, 16640, 19000, 19199, 19200, 19209])
        {
            const double step = 1e-5;
            double Shifted(double by)
            {
                double[] other = [.. exact];
                other[i] += by;
                return Loss(other);
            }

            Assert.Equal((Shifted(step) - Shifted(-step)) / (2 * step), gradient[i], 5);
        }
    }

    [Fact]
    public void Train_HalfOfTheClasses_KnowsThoseAndNoOther()
    {
        var low = Images.Only(label => label < 5);
        var weights = DigitTrainer.Train(low, 60, 3);
        Assert.Equal(0, new DigitNet(low).Errors(weights).Sum());
        var high = Images.Only(label => label >= 5);
        Assert.Equal(high.Count, new DigitNet(high).Errors(weights).Sum());
    }

    internal static DigitImages Random(int count)
    {
        var random = new SeededRandom(8);
        return new DigitImages(
            [.. Enumerable.Range(0, count * 64).Select(_ => (float)random.NextDouble())],
            [.. Enumerable.Range(0, count).Select(i => i % DigitImages.Classes)]);
    }

    private static double Loss(double[] point) => Enumerable.Range(0, Images.Count).Average(i =>
    {
        var logits = Logits(point, i);
        return Math.Log(logits.Sum(Math.Exp)) - logits[Images.Labels[i]];
    });

    private static double[] Logits(double[] w, int image)
    {
        double[] hidden = [.. Enumerable.Range(0, 256).Select(h => Math.Max(0, w[16384 + h] + Enumerable.Range(0, 64).Sum(
            p => w[(h * 64) + p] * Images.Pixels[(image * 64) + p])))];
        return [.. Enumerable.Range(0, 10).Select(k =>
            w[19200 + k] + hidden.Index().Sum(pair => w[16640 + (k * 256) + pair.Index] * pair.Item))];
    }
}
