using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.LlamaCpp;
using Cuvee.Merging;

namespace Cuvee.Hosting.LlamaCpp;

/// <summary>
/// Serves recipes of delta space from a llama-server by the scales of each request: nothing is uploaded. One candidate at a time, because
/// the server decodes requests together only where their scales are the same.
/// </summary>
public sealed class LlamaCppAdapterHost(
    JsonService service, RecordTokens tokens, ServedAdapters served, IReadOnlyList<string> names, int vocabulary) : IAdapterHost
{
    private static readonly HashSet<MergeSpace> DeltaOnly = [MergeSpace.Delta];

    private readonly SemaphoreSlim gate = new(1, 1);

    public IReadOnlyList<string> AdapterNames => names;

    public IReadOnlySet<MergeSpace> MergeSpaces => DeltaOnly;

    public int MaxConcurrentLeases => 1;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">No recipe of delta space, or a keep fraction that the server has no files for.</exception>
    public async ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        var model = new LlamaCppModel(service, tokens, Scales(recipe), vocabulary);
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Lease(model, gate);
    }

    public ValueTask DisposeAsync()
    {
        gate.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>[adapters of the server] Scale by id.</summary>
    private double[] Scales(MergeRecipe recipe)
    {
        if (recipe is not WeightedRecipe { Space: MergeSpace.Delta, Pruned: PrunedFactor.LoraA } weighted)
            throw new ArgumentException("llama.cpp adds adapters as they are; give a recipe of weights in space delta.");
        var scales = new double[served.Count];
        foreach (var share in weighted.Adapters)
        {
            if (share.GroupWeights.Count > 0 || share.GroupKeepFractions.Count > 0)
                throw new ArgumentException($"llama.cpp has one scale an adapter; give '{share.Name}' one weight for all modules.");
            if (!names.Contains(share.Name)) throw new ArgumentException($"The pool has no adapter '{share.Name}'.");
            if (share.Weight == 0) continue;
            scales[served.Find(share.Name, share.KeepFraction) ?? throw new ArgumentException(
                $"The server has no file of adapter '{share.Name}' with keep fraction {share.KeepFraction}; start it with " +
                $"'{ServedAdapters.FileName(share.Name, share.KeepFraction)}', too.")] += share.Weight;
        }

        return scales;
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
