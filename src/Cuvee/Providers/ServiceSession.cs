using Cuvee.Formats;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting;

namespace Cuvee.Providers;

/// <summary>An open connection to a server; what is written comes from the pool's own folder, where there is one.</summary>
/// <param name="connection">Disposed with the session.</param>
/// <param name="retries">Requests that it has sent again.</param>
internal sealed class ServiceSession(
    IDisposable connection, Func<long> retries, IAdapterHost host, RecipeMerger? weights, IReadOnlyList<string> doubts) : IProviderSession
{
    public IAdapterHost Host => host;

    public RecipeMerger? Weights => weights;

    public IReadOnlyList<string> PoolDoubts => doubts;

    public long Retries => retries();

    /// <summary>Serves a written adapter; null where the server takes none.</summary>
    public Func<string, CancellationToken, ValueTask<IModelLease?>>? Written { get; init; }

    public int LargestMeasuredRank { get; init; }

    public ValueTask<IModelLease?> RealizeWrittenAsync(string folder, CancellationToken cancellationToken) =>
        Written is null ? ValueTask.FromResult<IModelLease?>(null) : Written(folder, cancellationToken);

    public void WriteFolded(string folder, MergeRecipe recipe, TensorType type, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("The planner refuses a folded checkpoint of a base model that is elsewhere.");

    public async ValueTask DisposeAsync()
    {
        await host.DisposeAsync().ConfigureAwait(false);
        connection.Dispose();
    }

    /// <summary>What a plan asks a server; plans are made before anything runs, one thread, no context to wait for.</summary>
    /// <exception cref="BadInputException">No such server.</exception>
    public static T Ask<T>(string file, Func<Task<T>> ask)
    {
        try
        {
            return Task.Run(ask).GetAwaiter().GetResult();
        }
        catch (LanguageModelException exception)
        {
            throw new BadInputException($"{file}: 'model.url': {exception.Message}", exception);
        }
    }
}
