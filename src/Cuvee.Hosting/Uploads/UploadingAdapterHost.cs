using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;

namespace Cuvee.Hosting.Uploads;

/// <summary>Where merged candidates lie while they are served, and in which form.</summary>
/// <param name="Folder">On this machine.</param>
/// <param name="ServerFolder">The same folder as the server sees it.</param>
/// <param name="MaxRank">Of an adapter; what is beyond it is recompressed.</param>
/// <param name="Prefix">Begins the names of candidates; no other run's.</param>
/// <param name="Candidates">At the same time.</param>
public sealed record UploadSettings(string Folder, string ServerFolder, int MaxRank, string Prefix, int Candidates);

/// <summary>
/// Serves recipes from a server that applies one adapter a request: each candidate is merged here, written, loaded under a name that was
/// never used before, because servers cache by name, and unloaded afterwards.
/// </summary>
/// <param name="merger">Of the pool's weights.</param>
public sealed class UploadingAdapterHost(IAdapterServer server, RecipeMerger merger, UploadSettings settings) : IAdapterHost
{
    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];

    private readonly SemaphoreSlim gate = new(settings.Candidates);
    private readonly Lock building = new();
    private readonly MergedAdapterBuilder builder = new(merger);
    private int count;

    public IReadOnlyList<string> AdapterNames { get; } = [.. merger.Pool.Adapters.Select(adapter => adapter.Name)];

    public IReadOnlySet<MergeSpace> MergeSpaces => BothSpaces;

    public int MaxConcurrentLeases => settings.Candidates;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    /// <exception cref="LanguageModelException">The server does not take the adapter.</exception>
    public ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken) =>
        merger.Resolve(recipe).IsBaseModel
            ? ValueTask.FromResult<IModelLease>(new UnheldLease(server.Model(null)))
            : ServeAsync(folder => PeftWriter.Write(folder, Merged(recipe, Path.GetFileName(folder)), TensorType.BF16), cancellationToken);

    /// <summary>The base model with a written adapter.</summary>
    /// <returns>Null where the adapter has more rank than the server takes.</returns>
    public async ValueTask<IModelLease?> RealizeWrittenAsync(string adapterFolder, CancellationToken cancellationToken)
    {
        var adapter = PeftReader.Read(adapterFolder);
        if (adapter.Config.Rank > settings.MaxRank) return null;
        return await ServeAsync(
            folder =>
            {
                Directory.CreateDirectory(folder);
                foreach (var path in Directory.GetFiles(adapterFolder)) File.Copy(path, Path.Combine(folder, Path.GetFileName(path)));
            },
            cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        gate.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask<IModelLease> ServeAsync(Action<string> write, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        var name = $"{settings.Prefix}-{Interlocked.Increment(ref count)}";
        var folder = Path.Combine(settings.Folder, name);
        var lease = new HeldLease(server.Model(name), () => ReleaseAsync(name, folder));
        try
        {
            write(folder);
            await server.LoadAsync(name, $"{settings.ServerFolder.TrimEnd('/', '\\')}/{name}", cancellationToken).ConfigureAwait(false);
            return lease;
        }
        catch
        {
            await lease.DisposeAsync().ConfigureAwait(false); // a load that was cut off may have happened
            throw;
        }
    }

    /// <summary>As far as it goes: what ended the candidate's work, a stop or a failing server, is what its caller is to see.</summary>
    private async Task ReleaseAsync(string name, string folder)
    {
        try
        {
            await server.UnloadAsync(name, CancellationToken.None).ConfigureAwait(false);
        }
        catch (LanguageModelException)
        {
        }

        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
        finally
        {
            gate.Release();
        }
    }

    private PeftAdapter Merged(MergeRecipe recipe, string name)
    {
        lock (building)
        {
            return builder.Build(recipe, name, builder.ExactRank(recipe) > settings.MaxRank ? settings.MaxRank : null).Adapter;
        }
    }
}
