using Cuvee.Numerics;

namespace Cuvee.Training.Tests;

public class AdamWTests
{
    private static readonly TrainingSettings Settings = new()
    {
        Steps = 8,
        LearningRate = 0.01,
        WarmUpSteps = 3,
        WeightDecay = 0.5,
        ClipNorm = 1,
        Epsilon = 1e-4,
        Beta1 = 0.8,
    };

    [Fact]
    public void Step_SeveralStepsWithAndWithoutClipping_MatchesScalarTwinInDouble()
    {
        // A matrix over one job of 2^15 floats with a rest off every vector width, a small odd one, an undecayed norm below a vector.
        (int[] Shape, bool Decay)[] shapes = [([11, 2983], true), ([37, 3], true), ([5], false)];
        var random = new SeededRandom(4);
        var parameters = shapes.Select((s, i) =>
        {
            var length = s.Shape.Aggregate((a, b) => a * b);
            var values = Enumerable.Range(0, length).Select(_ => (float)random.NextGaussian()).ToArray();
            return new ParameterTensor($"p{i}", s.Shape, values, s.Decay, new float[length]);
        }).ToArray();
        var twins = parameters.Select(p => new Twin(p.Values, p.Decay)).ToArray();
        using var team = new ThreadTeam(2);
        var optimizer = new AdamW(Settings, parameters, team);

        for (var step = 0; step < Settings.Steps; step++)
        {
            var scale = step % 3 == 0 ? 1e-3 : 1.0; // norm of about 0.3, or 300: every third step is not clipped
            foreach (var gradient in parameters.Select(p => p.Gradient))
            {
                for (var i = 0; i < gradient.Length; i++) gradient[i] = (float)(random.NextGaussian() * scale);
            }

            var gradients = parameters.Select(p => Array.ConvertAll(p.Gradient, g => (double)g)).ToArray();
            var expected = Math.Sqrt(gradients.Sum(g => g.Sum(v => v * v)));
            Assert.Equal(step % 3 != 0, expected > Settings.ClipNorm);

            var norm = optimizer.Step(step);

            Assert.Equal(expected, norm, 1e-5 * expected);
            for (var p = 0; p < twins.Length; p++) twins[p].Step(step, gradients[p], Math.Min(1, Settings.ClipNorm / expected));
            Assert.All(parameters.Select(p => p.Gradient), g => Assert.False(g.AsSpan().ContainsAnyExcept(0f)));
        }

        for (var p = 0; p < twins.Length; p++)
        {
            for (var i = 0; i < twins[p].Values.Length; i++)
            {
                var (expected, actual) = (twins[p].Values[i], parameters[p].Values[i]);
                Assert.True(Math.Abs(expected - actual) <= 3e-6, $"{parameters[p].Name}[{i}]: twin {expected}, AdamW {actual}");
            }
        }
    }

    /// <summary>arXiv 1711.05101, algorithm 2, in the order of the paper.</summary>
    private sealed class Twin(float[] start, bool decay)
    {
        private readonly double[] first = new double[start.Length], second = new double[start.Length];

        public double[] Values { get; } = Array.ConvertAll(start, v => (double)v);

        public void Step(int step, double[] gradient, double clip)
        {
            var rate = step < 3 ? 0.01 * (step + 1) / 3 : 0.01 * 0.5 * (1 + Math.Cos(Math.PI * (step - 3) / 5));
            for (var i = 0; i < Values.Length; i++)
            {
                var g = gradient[i] * clip;
                first[i] = (0.8 * first[i]) + (0.2 * g);
                second[i] = (0.98 * second[i]) + (0.02 * g * g);
                var m = first[i] / (1 - Math.Pow(0.8, step + 1));
                var v = second[i] / (1 - Math.Pow(0.98, step + 1));
                Values[i] -= (rate * m / (Math.Sqrt(v) + 1e-4)) + (decay ? rate * 0.5 * Values[i] : 0);
            }
        }
    }
}
