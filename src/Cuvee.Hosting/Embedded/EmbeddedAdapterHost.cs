using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Merging.Methods;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Embedded;

/// <summary>
/// Serves recipes from the embedded engine: a candidate's dense weights are formed once, in memory that the next candidate reuses, and then
/// run as an ordinary model. One lease at a time; further calls wait. The base model stays the caller's, who must not use it while a lease
/// is out.
/// </summary>
public sealed class EmbeddedAdapterHost : IAdapterHost
{
    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];

    private readonly EmbeddedModel baseModel;
    private readonly RecipeMerger merger;
    private readonly CandidateWeights candidate;
    private readonly ThreadTeam team;
    private readonly SemaphoreSlim gate = new(1, 1);

    /// <param name="threads">Threads that form a candidate; null means one per processor.</param>
    /// <param name="methods">What recipes may name; null for the built-in methods.</param>
    /// <exception cref="BadInputException">An adapter adapts a module that the base lacks, or of another shape.</exception>
    public EmbeddedAdapterHost(EmbeddedModel baseModel, AdapterPool pool, int? threads = null, MergeMethods? methods = null)
    {
        ArgumentNullException.ThrowIfNull(baseModel);
        this.baseModel = baseModel;
        merger = new RecipeMerger(pool, methods);
        candidate = new CandidateWeights(baseModel.Weights, merger);
        team = new ThreadTeam(threads ?? 0);
        AdapterNames = [.. pool.Adapters.Select(adapter => adapter.Name)];
    }

    public IReadOnlyList<string> AdapterNames { get; }

    public IReadOnlySet<MergeSpace> MergeSpaces => BothSpaces;

    public int MaxConcurrentLeases => 1;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    public async ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        var resolved = merger.Resolve(recipe);
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return new Lease(resolved.IsBaseModel ? baseModel : baseModel.WithWeights(candidate.Form(resolved, team)), gate);
        }
        catch
        {
            gate.Release();
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        team.Dispose();
        gate.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class Lease(ILanguageModel model, SemaphoreSlim gate) : IModelLease
    {
        private SemaphoreSlim? held = gate;

        public ILanguageModel Model => held is null ? throw new ObjectDisposedException(nameof(IModelLease)) : model;

        public ValueTask DisposeAsync()
        {
            Interlocked.Exchange(ref held, null)?.Release();
            return ValueTask.CompletedTask;
        }
    }
}
