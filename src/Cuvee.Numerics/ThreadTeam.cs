using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Cuvee.Numerics;

/// <summary>
/// A fixed set of threads that share the items of one job at a time; the caller works too. Items are handed out one by one in rising order,
/// so unequal items balance. Idle threads spin for <see cref="SpinMicroseconds"/> and then sleep. Nothing is allocated per job.
/// Calls from several threads take turns; a call from inside a job runs its items there and then, on its own thread.
/// </summary>
public sealed class ThreadTeam : IDisposable
{
    private const int SpinMicroseconds = 50;

    private static readonly long SpinTicks = Stopwatch.Frequency * SpinMicroseconds / 1_000_000;

    [ThreadStatic]
    private static bool insideJob;

    private readonly Lock turn = new();
    private readonly Lock failureLock = new();
    private readonly SemaphoreSlim wake = new(0);
    private readonly SemaphoreSlim done = new(0);
    private readonly Thread[] workers;

    // (job number << 32) | items not yet handed out. One word, so that a thread that comes late can take nothing from the next job by
    // mistake: body and items change only while the lower half is zero.
    private long tickets;
    private Action<int> body = static _ => { };
    private int items;
    private int finished;
    private int sleepers;
    private int callerSleeps;
    private ExceptionDispatchInfo? failure;
    private volatile bool disposed;

    /// <param name="threads">Threads that work on a job, the caller's included; 0 means one per processor.</param>
    public ThreadTeam(int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
        workers = new Thread[Threads - 1];
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = new Thread(Work) { IsBackground = true, Name = $"Cuvee team {i + 1}" };
            workers[i].Start();
        }
    }

    /// <summary>Threads that work on a job, the caller's included; at least 1.</summary>
    public int Threads { get; }

    /// <summary>
    /// Calls <paramref name="body"/> once for every item 0 .. <paramref name="items"/> - 1 and returns when all are done. After an
    /// exception the other items still run; the first exception is then thrown here.
    /// </summary>
    public void Run(int items, Action<int> body)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(items);
        ArgumentNullException.ThrowIfNull(body);
        ObjectDisposedException.ThrowIf(disposed, this);
        if (items <= 1 || workers.Length == 0 || insideJob)
        {
            for (var i = 0; i < items; i++) body(i);
            return;
        }

        lock (turn)
        {
            this.body = body;
            this.items = items;
            finished = 0;
            failure = null;
            var job = (Volatile.Read(ref tickets) >> 32) + 1;
            Interlocked.Exchange(ref tickets, ((job & 0x7FFFFFFF) << 32) | (uint)items);
            var asleep = Math.Min(Volatile.Read(ref sleepers), items - 1);
            if (asleep > 0) wake.Release(asleep);
            TakeItems();
            AwaitLastItem(items);
            failure?.Throw();
        }
    }

    public void Dispose()
    {
        lock (turn)
        {
            if (disposed) return;
            disposed = true;
            wake.Release(Math.Max(1, workers.Length));
        }

        foreach (var worker in workers) worker.Join();
        wake.Dispose();
        done.Dispose();
    }

    private void Work()
    {
        while (!disposed)
        {
            TakeItems();
            if (SpinUntilTickets()) continue;
            Interlocked.Increment(ref sleepers); // full fence: either the caller sees the sleeper, or this thread sees the tickets
            if ((uint)Volatile.Read(ref tickets) == 0 && !disposed) wake.Wait();
            Interlocked.Decrement(ref sleepers);
        }
    }

    private bool SpinUntilTickets()
    {
        var start = Stopwatch.GetTimestamp();
        do
        {
            if ((uint)Volatile.Read(ref tickets) != 0 || disposed) return true;
            Thread.SpinWait(8);
        }
        while (Stopwatch.GetTimestamp() - start < SpinTicks);
        return false;
    }

    private void TakeItems()
    {
        insideJob = true;
        try
        {
            while (true)
            {
                var seen = Volatile.Read(ref tickets);
                var left = (int)(uint)seen;
                if (left == 0) return;
                var (mine, count) = (Volatile.Read(ref body), Volatile.Read(ref items));
                if (Interlocked.CompareExchange(ref tickets, seen - 1, seen) != seen) continue;
                try
                {
                    mine(count - left);
                }
#pragma warning disable CA1031 // Any exception of the body is carried over to the caller of Run.
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    lock (failureLock) failure ??= ExceptionDispatchInfo.Capture(exception);
                }

                if (Interlocked.Increment(ref finished) == count && Interlocked.Exchange(ref callerSleeps, 0) == 1) done.Release();
            }
        }
        finally
        {
            insideJob = false;
        }
    }

    private void AwaitLastItem(int count)
    {
        var start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref finished) != count)
        {
            if (Stopwatch.GetTimestamp() - start < SpinTicks)
            {
                Thread.SpinWait(8);
                continue;
            }

            // Whoever resets the flag owns the signal: a worker releases it, or the caller has seen the end itself. The worker may be a
            // late one of the job before, hence the loop.
            Interlocked.Exchange(ref callerSleeps, 1);
            if (Volatile.Read(ref finished) == count && Interlocked.Exchange(ref callerSleeps, 0) == 1) return;
            done.Wait();
        }
    }
}
