using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.LanguageModels;

namespace Cuvee.Server.Engine;

/// <summary>
/// Orders requests before the one engine: the oldest goes next, and with it every waiting request that the same call can answer. The engine
/// holds one realised recipe at a time; it stays until another one's turn comes.
/// </summary>
internal sealed class EngineScheduler : IAsyncDisposable
{
    private readonly EmbeddedAdapterHost host;
    private readonly int maxWaiting;
    private readonly long batchTokens;
    private readonly List<EngineJob> waiting = []; // oldest first; locked
    private readonly SemaphoreSlim arrivals = new(0);
    private readonly Task worker;
    private long arrived;
    private bool isClosed;
    private EmbeddedLease? lease;
    private string? leased; // key of its recipe

    public EngineScheduler(EmbeddedAdapterHost host, int maxWaiting, long batchTokens)
    {
        (this.host, this.maxWaiting, this.batchTokens) = (host, maxWaiting, batchTokens);
        worker = Task.Run(WorkAsync);
    }

    public int Waiting
    {
        get
        {
            lock (waiting) return waiting.Count;
        }
    }

    /// <summary>Jobs taken so far, answered or not.</summary>
    public long Arrived
    {
        get
        {
            lock (waiting) return arrived;
        }
    }

    /// <summary>Calls of the engine begun so far.</summary>
    public long Batches { get; private set; }

    /// <summary>Jobs that those calls answer.</summary>
    public long Jobs { get; private set; }

    /// <exception cref="ServiceException">Too many requests wait.</exception>
    public Task<IReadOnlyList<float[]>> ScoreAsync(ScoreJob job)
    {
        Enqueue(job);
        return job.Result.Task.WaitAsync(job.Cancellation);
    }

    /// <summary>Jobs that may generate nothing are answered without the engine.</summary>
    /// <exception cref="ServiceException">Too many requests wait.</exception>
    public Task<IReadOnlyList<GeneratedTokens>> GenerateAsync(GenerateJob job)
    {
        if (job.Sampling.MaxTokens == 0)
        {
            return Task.FromResult<IReadOnlyList<GeneratedTokens>>(
                [.. job.Prompts.Select(_ => new GeneratedTokens([], StopReason.MaxTokens))]);
        }

        Enqueue(job);
        return job.Result.Task.WaitAsync(job.Cancellation);
    }

    /// <summary>What waits is answered before the engine goes.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (waiting) isClosed = true;
        arrivals.Release();
        await worker.ConfigureAwait(false);
        arrivals.Dispose();
    }

    private void Enqueue(EngineJob job)
    {
        lock (waiting)
        {
            if (isClosed) throw ServiceException.Unavailable("The server is stopping; ask another one, or later.");
            RemoveCancelled();
            if (waiting.Count >= maxWaiting)
                throw ServiceException.Unavailable($"{waiting.Count} requests wait for the engine already; ask again later.");
            waiting.Add(job);
            arrived++;
        }

        arrivals.Release();
    }

    private async Task WorkAsync()
    {
        while (true)
        {
            await arrivals.WaitAsync().ConfigureAwait(false);
            var batch = Next();
            if (batch is null)
            {
                lock (waiting)
                {
                    if (isClosed && waiting.Count == 0) break;
                }

                continue; // its job went with an earlier batch, or was cancelled
            }

            Batches++;
            Jobs += batch.Jobs;
            try
            {
                var held = await LeaseAsync(batch.Recipe).ConfigureAwait(false);
                await batch.RunAsync(batch.Recipe.Uploaded ?? held.Model).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                batch.Fail(exception);
            }
        }

        if (lease is not null) await lease.DisposeAsync().ConfigureAwait(false);
    }

    private EngineBatch? Next()
    {
        lock (waiting)
        {
            RemoveCancelled();
            if (waiting.Count == 0) return null;
            var oldest = waiting[0];
            var jobs = new List<EngineJob>();
            var tokens = 0L;
            foreach (var job in waiting.Where(oldest.CanJoin))
            {
                if (jobs.Count > 0 && tokens + job.Tokens > batchTokens) break;
                jobs.Add(job);
                tokens += job.Tokens;
            }

            waiting.RemoveAll(jobs.Contains);
            return new EngineBatch(jobs);
        }
    }

    /// <summary>Only under the lock.</summary>
    private void RemoveCancelled() => waiting.RemoveAll(job => job.Cancellation.IsCancellationRequested);

    private async Task<EmbeddedLease> LeaseAsync(ServedRecipe recipe)
    {
        if (lease is not null && leased == recipe.Key) return lease;
        if (lease is not null) await lease.DisposeAsync().ConfigureAwait(false);
        lease = null;
        lease = await host.LeaseAsync(recipe.Recipe, CancellationToken.None).ConfigureAwait(false);
        leased = recipe.Key;
        return lease;
    }
}
