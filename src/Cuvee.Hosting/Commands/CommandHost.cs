using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Merging.Checkpoints;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Commands;

/// <summary>
/// Serves recipes over whole checkpoints of any architecture to a program of the user's: a merge is written to a temporary folder, whose
/// path the program gets.
/// </summary>
public sealed class CommandHost : IAdapterHost
{
    // Beside the weights, what describes them; nothing else of the base's folder is copied.
    private static readonly string[] Described = [".json", ".jinja", ".model", ".txt", ".yaml", ".yml"];

    private static readonly HashSet<MergeSpace> DeltaOnly = [MergeSpace.Delta];

    private readonly CheckpointPool pool;
    private readonly string baseFolder;
    private readonly Func<string, ILanguageModel> model;
    private readonly SemaphoreSlim gate = new(1, 1);
    private readonly ThreadTeam team = new();
    private readonly string work = Directory.CreateTempSubdirectory("cuvee-candidates-").FullName;
    private int count;

    /// <param name="baseFolder">Of the pool's base.</param>
    /// <param name="model">The program on the checkpoint of a folder.</param>
    public CommandHost(CheckpointPool pool, string baseFolder, Func<string, ILanguageModel> model)
    {
        ArgumentNullException.ThrowIfNull(pool);
        (this.pool, this.baseFolder, this.model) = (pool, baseFolder, model);
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
        var given = pool.FolderOf(recipe);
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var folder = given ?? Path.Combine(work, $"{count++}");
            if (given is null) Write(folder, recipe, TensorType.F32, cancellationToken);
            return new Lease(model(folder), given is null ? folder : null, gate);
        }
        catch
        {
            gate.Release();
            throw;
        }
    }

    /// <summary>The program on a checkpoint that was written.</summary>
    public async ValueTask<IModelLease> RealizeAsync(string folder, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Lease(model(folder), null, gate);
    }

    /// <summary>Weights of the merge and the base's description.</summary>
    /// <param name="folder">Made when absent.</param>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    public void Write(string folder, MergeRecipe recipe, TensorType type, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(baseFolder).Where(file => Described.Contains(Path.GetExtension(file))))
        {
            if (!file.EndsWith(".safetensors.index.json", StringComparison.Ordinal))
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        ModelShards.Write(folder, CheckpointMerger.Merge(pool.Merge(recipe), team, cancellationToken), type, long.MaxValue);
    }

    public ValueTask DisposeAsync()
    {
        gate.Dispose();
        team.Dispose();
        Remove(work);
        return ValueTask.CompletedTask;
    }

    /// <summary>As far as it goes: the program may have tidied up itself.</summary>
    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    private sealed class Lease(ILanguageModel model, string? folder, SemaphoreSlim gate) : IModelLease
    {
        public ILanguageModel Model => model;

        public ValueTask DisposeAsync()
        {
            if (folder is not null) Remove(folder);
            gate.Release();
            return ValueTask.CompletedTask;
        }
    }
}
