using Cuvee.Events;

namespace Cuvee.Cli.Progress;

/// <summary>One line an event, candidates left out.</summary>
internal sealed class PlainMergeProgress(TextWriter error, MergeText text) : IProgress<RunEvent>
{
    public void Report(RunEvent value)
    {
        foreach (var line in text.Lines(value)) error.WriteLine(line);
    }
}
