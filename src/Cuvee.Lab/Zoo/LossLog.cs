using Cuvee.Training;

namespace Cuvee.Lab.Zoo;

/// <summary>Keeps means over tenths of a training and prints a line every so often.</summary>
internal sealed class LossLog(string name, int steps, int every, TextWriter output) : IProgress<TrainingProgress>
{
    private readonly double[] sums = new double[10];
    private readonly int[] counts = new int[10];
    private double recent;
    private int recentCount, firstStep = -1;
    private long tokens;

    public IReadOnlyList<double> Tenths => [.. sums.Select((s, i) => counts[i] == 0 ? 0 : Math.Round(s / counts[i], 4))];

    public void Report(TrainingProgress value)
    {
        if (firstStep < 0) firstStep = value.Step - 1;
        var tenth = Math.Min(9, (value.Step - 1) * 10 / steps);
        sums[tenth] += value.Loss;
        counts[tenth]++;
        tokens += value.Tokens;
        recent += value.Loss;
        recentCount++;
        if (value.Step % every != 0 && value.Step != steps) return;
        var left = value.Elapsed / (value.Step - firstStep) * (steps - value.Step);
        output.WriteLine(
            $"{name}: step {value.Step}/{steps}, loss {recent / recentCount:F3}, gradient norm {value.GradientNorm:F2}, " +
            $"{tokens / Math.Max(0.001, value.Elapsed.TotalSeconds):F0} tokens/s, {left:hh\\:mm\\:ss} left");
        recent = 0;
        recentCount = 0;
    }
}
