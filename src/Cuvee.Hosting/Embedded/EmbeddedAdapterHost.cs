using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.Merging;

namespace Cuvee.Hosting.Embedded;

/// <summary>
/// Serves recipes from the embedded engine: a candidate's weights are formed layer by layer while a sample is scored, in memory that the
/// next candidate reuses. One lease at a time; further calls wait. The base model stays the caller's, who must not use it while a lease
/// is out.
/// </summary>
public sealed class EmbeddedAdapterHost : IAdapterHost
{
    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];

    private readonly EmbeddedModel baseModel;
    private readonly RecipeMerger merger;
    private readonly PoolCandidates candidates;
    private readonly SemaphoreSlim gate = new(1, 1);

    /// <param name="merger">Of a pool on this base (<see cref="AdapterPool.On"/>); may serve others at the same time.</param>
    /// <exception cref="BadInputException">An adapter adapts a module that the base lacks, or of another shape.</exception>
    public EmbeddedAdapterHost(EmbeddedModel baseModel, RecipeMerger merger)
    {
        ArgumentNullException.ThrowIfNull(baseModel);
        ArgumentNullException.ThrowIfNull(merger);
        (this.baseModel, this.merger) = (baseModel, merger);
        candidates = new PoolCandidates(baseModel, merger);
        AdapterNames = [.. merger.Pool.Adapters.Select(adapter => adapter.Name)];
    }

    public IReadOnlyList<string> AdapterNames { get; }

    public IReadOnlySet<MergeSpace> MergeSpaces => BothSpaces;

    public int MaxConcurrentLeases => 1;

    public void Expect(IReadOnlyList<MergeRecipe> recipes) => candidates.Expect(recipes);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    public async ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken) =>
        await LeaseAsync(recipe, cancellationToken).ConfigureAwait(false);

    /// <summary><see cref="RealizeAsync"/>, for callers that bring token ids.</summary>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    public async ValueTask<EmbeddedLease> LeaseAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        var resolved = merger.Resolve(recipe);
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var model = await candidates.NearCenterAsync(recipe, cancellationToken).ConfigureAwait(false)
                ?? (resolved.IsBaseModel ? baseModel : candidates.Of(resolved));
            return new EmbeddedLease(model, gate);
        }
        catch
        {
            gate.Release();
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        gate.Dispose();
        return ValueTask.CompletedTask;
    }
}
