using Cuvee.Events;
using Cuvee.Planning;

namespace Cuvee.Cli.Progress;

/// <summary>Shows a run while it works: redrawn on a terminal, lines in a log.</summary>
internal static class MergeProgress
{
    public static Task<T> RunAsync<T>(
        TextWriter error, TimeProvider time, IReadOnlyList<RunPlan> plans, Func<IProgress<RunEvent>, Task<T>> work)
    {
        var console = PeopleConsole.For(error);
        var text = new MergeText(plans);
        return PeopleConsole.IsLive(console)
            ? new LiveMergeProgress(console, time, text).RunAsync(work)
            : work(new PlainMergeProgress(error, text));
    }
}
