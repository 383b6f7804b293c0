using Cuvee.Configuration;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;

namespace Cuvee.Providers;

/// <summary>The adapters of a pool, and what their files left in doubt.</summary>
/// <param name="Doubts">One sentence each; what several adapters share is said once.</param>
internal sealed record ReadPool(AdapterPool Adapters, IReadOnlyList<string> Doubts)
{
    /// <param name="selection">With a folder.</param>
    /// <param name="config">Of the base model; null where it is not known.</param>
    /// <exception cref="Formats.BadInputException">As <see cref="AdapterPool.Load"/> says.</exception>
    public static ReadPool Of(PoolSelection selection, LlamaConfig? config)
    {
        var doubts = new List<string>();
        var adapters = AdapterPool.Load(
            selection.Path!, selection.Exclude, selection.AllowDifferentBases, new PeftReaderOptions { Base = config, Warn = doubts.Add });
        return new ReadPool(adapters, Summed(doubts));
    }

    /// <summary>Sentences begin with their file.</summary>
    private static string[] Summed(IEnumerable<string> doubts) =>
    [
        .. doubts.Select(doubt => (File: doubt[..FileEnd(doubt)], Said: doubt[FileEnd(doubt)..])).GroupBy(doubt => doubt.Said)
            .Select(alike => alike.First().File + (alike.Count() == 1 ? "" : $" and {alike.Count() - 1} more") + alike.Key),
    ];

    private static int FileEnd(string doubt) => Math.Max(0, doubt.IndexOf(": ", StringComparison.Ordinal));
}
