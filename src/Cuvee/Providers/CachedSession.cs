using Cuvee.Configuration;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting;
using Cuvee.Hosting.Caching;

namespace Cuvee.Providers;

/// <summary>A session whose answers are looked up first; what was written is measured afresh.</summary>
internal sealed class CachedSession : IProviderSession
{
    private readonly IProviderSession inner;
    private readonly AnswerCache cache;

    private CachedSession(IProviderSession inner, AnswerCache cache)
    {
        (this.inner, this.cache) = (inner, cache);
        Host = new CachingAdapterHost(inner.Host, cache);
    }

    public IAdapterHost Host { get; }

    public long Reused => cache.Reused;

    public string? Problem => cache.Problem;

    public RecipeMerger? Weights => inner.Weights;

    public IReadOnlyList<string> PoolDoubts => inner.PoolDoubts;

    public long Retries => inner.Retries;

    /// <param name="folder">Of the cache.</param>
    /// <exception cref="Formats.BadInputException">The cache cannot be opened.</exception>
    public static CachedSession Open(IProviderSession inner, string folder, RunConfiguration configuration, TextRules rules)
    {
        var decides = configuration.Provider.Identity().OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{pair.Key}={pair.Value}")
            .Append($"template={rules.Template.Name}").Append($"completion_end={rules.CompletionEnd}");
        return new CachedSession(inner, AnswerCache.Open(folder, string.Join('\n', decides)));
    }

    public ValueTask<IModelLease?> RealizeWrittenAsync(string folder, CancellationToken cancellationToken) =>
        inner.RealizeWrittenAsync(folder, cancellationToken);

    public int LargestMeasuredRank => inner.LargestMeasuredRank;

    public void WriteFolded(string folder, MergeRecipe recipe, TensorType type, CancellationToken cancellationToken) =>
        inner.WriteFolded(folder, recipe, type, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync().ConfigureAwait(false);
        cache.Dispose();
    }
}
