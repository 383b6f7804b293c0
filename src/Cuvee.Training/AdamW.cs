using System.Numerics;
using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>
/// AdamW over parameter tensors; gradients are cleared. Cut into jobs of one size: the bytes do not depend on the number of threads.
/// </summary>
internal sealed class AdamW
{
    private const int Chunk = 1 << 15; // floats per job

    private readonly TrainingSettings settings;
    private readonly IReadOnlyList<ParameterTensor> parameters;
    private readonly ThreadTeam team;
    private readonly List<(int Tensor, int Begin, int Length)> jobs = [];
    private readonly double[] squares;

    public AdamW(TrainingSettings settings, IReadOnlyList<ParameterTensor> parameters, ThreadTeam team)
    {
        this.settings = settings;
        this.parameters = parameters;
        this.team = team;
        FirstMoments = [.. parameters.Select(p => new float[p.Values.Length])];
        SecondMoments = [.. parameters.Select(p => new float[p.Values.Length])];
        for (var t = 0; t < parameters.Count; t++)
        {
            for (var begin = 0; begin < parameters[t].Values.Length; begin += Chunk)
                jobs.Add((t, begin, Math.Min(Chunk, parameters[t].Values.Length - begin)));
        }

        squares = new double[jobs.Count];
    }

    public IReadOnlyList<float[]> FirstMoments { get; }

    public IReadOnlyList<float[]> SecondMoments { get; }

    /// <summary>Applies the 0-based <paramref name="step"/>; returns the gradient norm before clipping.</summary>
    public double Step(int step)
    {
        team.Run(jobs.Count, job => squares[job] = SquareSum(jobs[job]));
        var norm = Math.Sqrt(squares.Sum());
        var clip = settings.ClipNorm > 0 && norm > settings.ClipNorm ? settings.ClipNorm / norm : 1;
        var rate = settings.LearningRateAt(step);
        var correction1 = 1 - Math.Pow(settings.Beta1, step + 1);
        var correction2 = 1 - Math.Pow(settings.Beta2, step + 1);
        team.Run(jobs.Count, job => Update(jobs[job], (float)clip, rate, correction1, correction2));
        return norm;
    }

    private double SquareSum((int Tensor, int Begin, int Length) job)
    {
        var gradient = parameters[job.Tensor].Gradient.AsSpan(job.Begin, job.Length);
        var total = 0.0;
        for (; gradient.Length > 0; gradient = gradient[Math.Min(1024, gradient.Length)..])
        {
            var part = gradient[..Math.Min(1024, gradient.Length)];
            total += FloatVectors.Dot(part, part);
        }

        return total;
    }

    private void Update((int Tensor, int Begin, int Length) job, float clip, double rate, double correction1, double correction2)
    {
        var parameter = parameters[job.Tensor];
        var values = parameter.Values.AsSpan(job.Begin, job.Length);
        var gradient = parameter.Gradient.AsSpan(job.Begin, job.Length);
        var first = FirstMoments[job.Tensor].AsSpan(job.Begin, job.Length);
        var second = SecondMoments[job.Tensor].AsSpan(job.Begin, job.Length);
        var keep = (float)(1 - (parameter.Decay ? rate * settings.WeightDecay : 0));
        var (beta1, beta2) = ((float)settings.Beta1, (float)settings.Beta2);
        var stepSize = (float)(rate / correction1);
        var rootCorrection = (float)(1 / Math.Sqrt(correction2));
        var epsilon = (float)settings.Epsilon;

        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var g = new Vector<float>(gradient[i..]) * clip;
            var m = (new Vector<float>(first[i..]) * beta1) + (g * (1 - beta1));
            var v = (new Vector<float>(second[i..]) * beta2) + (g * g * (1 - beta2));
            m.CopyTo(first[i..]);
            v.CopyTo(second[i..]);
            var denominator = (Vector.SquareRoot(v) * rootCorrection) + new Vector<float>(epsilon);
            ((new Vector<float>(values[i..]) * keep) - (m * stepSize / denominator)).CopyTo(values[i..]);
        }

        for (; i < values.Length; i++)
        {
            var g = gradient[i] * clip;
            first[i] = (first[i] * beta1) + (g * (1 - beta1));
            second[i] = (second[i] * beta2) + (g * g * (1 - beta2));
            values[i] = (values[i] * keep) - (first[i] * stepSize / ((MathF.Sqrt(second[i]) * rootCorrection) + epsilon));
        }

        gradient.Clear();
    }
}
