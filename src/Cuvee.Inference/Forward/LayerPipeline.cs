using System.Diagnostics;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>What the stages of a pass do: a stage's weights are prepared and formed, then used by two phases of work on all rows.</summary>
internal interface IStagedWork
{
    int Stages { get; }

    /// <summary>Independent items; 0 for a phase that the stage does not have.</summary>
    int Items(int stage, StagePhase phase);

    /// <summary>Called once before a stage's first item, when the stage before the last one is over: its memory is free again.</summary>
    void Begin(int stage);

    /// <param name="worker">0 .. threads - 1: whose buffers to use.</param>
    void Run(int worker, int stage, StagePhase phase, int item);
}

/// <summary>In this order; every item of a phase is over before the next phase of the same stage begins.</summary>
internal enum StagePhase
{
    Prepare,
    Form,
    First,
    Second,
}

/// <summary>
/// Runs a pass on a team without barriers: while a stage's last rows are computed, idle threads prepare and form the weights of the next
/// one, so two stages' weights exist at most. Which thread computes what never shows in the results.
/// </summary>
internal sealed class LayerPipeline
{
    private const int Phases = 4;

    private static readonly long SpinTicks = Stopwatch.Frequency / 20_000; // 50 microseconds

    private readonly Lock gate = new();
    private readonly ManualResetEventSlim[] wakes; // [threads]
    private readonly IStagedWork work;
    private readonly CancellationToken cancellationToken;
    private readonly int[] totals, taken, done; // [stages * Phases]
    private int current; // the first stage that is not over
    private int version; // changes whenever something may have become available
    private bool failed;

    private LayerPipeline(int threads, IStagedWork work, CancellationToken cancellationToken)
    {
        (this.work, this.cancellationToken) = (work, cancellationToken);
        wakes = [.. Enumerable.Range(0, threads).Select(_ => new ManualResetEventSlim())];
        totals = new int[work.Stages * Phases];
        for (var i = 0; i < totals.Length; i++) totals[i] = work.Items(i / Phases, (StagePhase)(i % Phases));
        (taken, done) = (new int[totals.Length], new int[totals.Length]);
    }

    /// <exception cref="OperationCanceledException">Cancelled between two items.</exception>
    public static void Run(ThreadTeam team, IStagedWork work, CancellationToken cancellationToken)
    {
        var pipeline = new LayerPipeline(team.Threads, work, cancellationToken);
        if (work.Stages > 0) work.Begin(0);
        if (work.Stages > 1) work.Begin(1);
        pipeline.SkipEmptyStages();
        team.Run(team.Threads, pipeline.Work);
        foreach (var wake in pipeline.wakes) wake.Dispose();
    }

    private void Work(int worker)
    {
        try
        {
            while (Next(worker) is { } index)
            {
                cancellationToken.ThrowIfCancellationRequested();
                work.Run(worker, index.Slot / Phases, (StagePhase)(index.Slot % Phases), index.Item);
                Complete(index.Slot);
            }
        }
        catch
        {
            lock (gate) failed = true;
            Wake();
            throw;
        }
    }

    /// <summary>The next item, waited for; null when all is over.</summary>
    private (int Slot, int Item)? Next(int worker)
    {
        while (true)
        {
            int seen;
            lock (gate)
            {
                if (failed || current == work.Stages) return null;
                if (TryTake() is { } item) return item;
                seen = version;
                wakes[worker].Reset();
            }

            var start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref version) == seen && Stopwatch.GetTimestamp() - start < SpinTicks) Thread.SpinWait(8);
            if (Volatile.Read(ref version) == seen) wakes[worker].Wait(CancellationToken.None);
        }
    }

    private (int Slot, int Item)? TryTake()
    {
        for (var stage = current; stage < Math.Min(current + 2, work.Stages); stage++)
        {
            for (var phase = 0; phase < Phases; phase++)
            {
                var slot = (stage * Phases) + phase;
                if (taken[slot] < totals[slot] && MayBegin(stage, phase)) return (slot, taken[slot]++);
                if (!IsOver(slot)) break;
            }
        }

        return null;
    }

    // Prepared parts are kept for one stage at a time, formed weights for two, and rows are computed in one stage at a time.
    private bool MayBegin(int stage, int phase) => stage == current || (StagePhase)phase switch
    {
        StagePhase.Prepare => IsOver((current * Phases) + (int)StagePhase.Form),
        StagePhase.Form => true,
        _ => false,
    };

    private bool IsOver(int slot) => done[slot] == totals[slot];

    private void Complete(int slot)
    {
        lock (gate)
        {
            done[slot]++;
            if (!IsOver(slot)) return;
            SkipEmptyStages();
        }

        Wake();
    }

    /// <summary>Moves on over stages of which nothing is left.</summary>
    private void SkipEmptyStages()
    {
        while (current < work.Stages && Enumerable.Range(current * Phases, Phases).All(IsOver))
        {
            current++;
            if (current + 1 < work.Stages) work.Begin(current + 1);
        }
    }

    private void Wake()
    {
        Interlocked.Increment(ref version);
        foreach (var wake in wakes) wake.Set();
    }
}
