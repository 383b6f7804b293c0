using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Checkpoints;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Embedded;

/// <summary>
/// Serves recipes over whole models from the embedded engine. A merge is formed as a whole, in memory that the next one reuses; a path runs
/// through the models' layers where they lie. One lease at a time; further calls wait.
/// </summary>
public sealed class CheckpointHost : IAdapterHost
{
    private static readonly HashSet<MergeSpace> DeltaOnly = [MergeSpace.Delta];

    private readonly EmbeddedModel baseModel;
    private readonly CheckpointPool pool;
    private readonly Dictionary<string, IReadOnlyDictionary<string, StoredMatrix>> loaded = new(StringComparer.Ordinal); // by folder
    private readonly Func<string, IReadOnlyDictionary<string, StoredMatrix>> load;
    private readonly SemaphoreSlim gate = new(1, 1);
    private readonly ThreadTeam team;
    private readonly FormedWeights formed;

    /// <param name="baseModel">The pool's base, as loaded.</param>
    /// <param name="load">The tensors of the base or of a model of the pool, by its folder.</param>
    /// <param name="threads">That form a merge; null: one a processor.</param>
    public CheckpointHost(EmbeddedModel baseModel, CheckpointPool pool, Func<string, IReadOnlyDictionary<string, StoredMatrix>> load,
        int? threads = null)
    {
        ArgumentNullException.ThrowIfNull(baseModel);
        ArgumentNullException.ThrowIfNull(pool);
        (this.baseModel, this.pool, this.load) = (baseModel, pool, load);
        team = new ThreadTeam(threads ?? 0);
        formed = new FormedWeights(baseModel.Weights.Config, team);
        AdapterNames = pool.Names;
    }

    /// <summary>Of the models.</summary>
    public IReadOnlyList<string> AdapterNames { get; }

    public IReadOnlySet<MergeSpace> MergeSpaces => DeltaOnly;

    public int MaxConcurrentLeases => 1;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    public async ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return new EmbeddedLease(baseModel.With(null, WeightsOf(recipe, cancellationToken)), gate);
        }
        catch
        {
            gate.Release();
            throw;
        }
    }

    /// <summary>The tensors of an ordinary checkpoint that computes what the recipe does, formed while they are written, and its
    /// configuration. While no lease is out.</summary>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    /// <exception cref="BadInputException">A path's input scales leave fp32.</exception>
    public (LlamaConfig Config, IEnumerable<TensorSource> Tensors) Fold(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        if (recipe is not PathRecipe path) return (baseModel.Weights.Config, Sources(recipe, cancellationToken));
        var weights = WeightsOf(path, cancellationToken);
        return (LayerPath.FoldedConfig(weights), LayerPath.Fold("recipe", weights, cancellationToken));
    }

    public ValueTask DisposeAsync()
    {
        gate.Dispose();
        team.Dispose();
        return ValueTask.CompletedTask;
    }

    private LlamaWeights WeightsOf(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        if (recipe is PathRecipe path) return PathOf(path, cancellationToken);
        if (pool.FolderOf(recipe) is { } folder) return LlamaWeights.FromTensors(baseModel.Weights.Config, Load(folder));
        if (pool.SumOf(recipe) is not { } sums) return formed.Form(Sources(recipe, cancellationToken));
        var models = ((WeightedRecipe)recipe).Adapters.Select(share => Load(pool.FolderOf(share.Name)));
        return formed.Sum(Load(pool.BaseFolder), [.. models], sums);
    }

    private LlamaWeights PathOf(PathRecipe path, CancellationToken cancellationToken)
    {
        // The first model is the path's own in all that is no layer.
        var names = new List<string?> { path.First };
        names.AddRange(path.Steps.Select(step => step.Model).Where(name => name != path.First).Distinct());
        var models = names.Select(name => name is not null
            ? WeightsOf(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare(name, 1)]), cancellationToken)
            : WeightsOf(path.Merged!, cancellationToken));
        try
        {
            return LayerPath.Join(
                "recipe", [.. models],
                [.. path.Steps.Select(step => new PathStep(names.IndexOf(step.Model), step.Layer, (float)step.InputScale))]);
        }
        catch (BadInputException exception)
        {
            throw new ArgumentException(exception.Message, exception);
        }
    }

    private IReadOnlyList<TensorSource> Sources(MergeRecipe recipe, CancellationToken cancellationToken) =>
        CheckpointMerger.Merge(pool.Merge(recipe), team, cancellationToken);

    private IReadOnlyDictionary<string, StoredMatrix> Load(string folder)
    {
        if (!loaded.TryGetValue(folder, out var tensors)) loaded.Add(folder, tensors = load(folder));
        return tensors;
    }
}
