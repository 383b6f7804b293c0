using System.Diagnostics;

namespace Cuvee.Bench;

/// <summary>
/// Several ways to do something, timed in turns within one run so that all see the same machine. With one thread processor time counts,
/// with more wall time.
/// </summary>
internal sealed class Interleaved(int repetitions, int threads)
{
    private readonly List<(Action Body, List<double> Seconds)> arms = [];

    /// <summary>Adds an arm; its number is the order of addition.</summary>
    public void Add(Action body) => arms.Add((body, []));

    /// <summary>Calls each arm <paramref name="calls"/> times a turn; the first turn warms up and does not count.</summary>
    public void Run(int calls)
    {
        for (var turn = 0; turn <= repetitions; turn++)
        {
            foreach (var (body, seconds) in arms)
            {
                var start = Now();
                for (var i = 0; i < calls; i++) body();
                if (turn > 0) seconds.Add((Now() - start) / calls);
            }
        }
    }

    /// <summary>Median seconds of one call.</summary>
    public double Seconds(int arm) => Median(arms[arm].Seconds);

    /// <summary>Median over the turns of how many times as fast one arm is as another.</summary>
    public double Speedup(int arm, int reference) =>
        Median([.. arms[reference].Seconds.Zip(arms[arm].Seconds, (theirs, ours) => theirs / ours)]);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private double Now() => threads == 1 ? ThreadClock.Seconds : Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
}
