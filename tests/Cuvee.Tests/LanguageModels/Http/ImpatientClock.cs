using Cuvee.LanguageModels.Http;
using Cuvee.Providers;

namespace Cuvee.Tests.LanguageModels.Http;

/// <summary>A clock that moves only when somebody waits: a wait is over at once and has taken its time. A service's time-outs, known by
/// their length, strike when the clock has reached them.</summary>
internal sealed class ImpatientClock(JsonServiceSettings? settings = null) : TimeProvider
{
    private readonly TimeSpan[] timeouts = settings is { } given
        ? [given.AttemptTimeout, given.TotalTimeout, given.TidyingTimeout]
        : [Default.AttemptTimeout, Default.TotalTimeout, Default.TidyingTimeout, ChatProviderFactory.LongestRelease];

    private static readonly JsonServiceSettings Default = new(new Uri("http://any.test"));

    private readonly Lock gate = new();
    private readonly List<Waiting> pending = [];
    private TimeSpan elapsed;

    public List<TimeSpan> Waits { get; } = [];

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero) + Elapsed;

    public override long GetTimestamp() => Elapsed.Ticks;

    private TimeSpan Elapsed
    {
        get
        {
            lock (gate) return elapsed;
        }
    }

    public void Advance(TimeSpan time)
    {
        List<Waiting> due;
        lock (gate)
        {
            elapsed += time;
            due = [.. pending.Where(timer => timer.Due <= elapsed)];
            pending.RemoveAll(due.Contains);
        }

        foreach (var timer in due) timer.Strike();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Waiting(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Waiting(ImpatientClock clock, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan Due { get; private set; }

        public void Strike() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.gate) clock.pending.Remove(this);
            if (dueTime == Timeout.InfiniteTimeSpan) return true;
            if (clock.timeouts.Contains(dueTime))
            {
                lock (clock.gate)
                {
                    Due = clock.elapsed + dueTime;
                    clock.pending.Add(this);
                }

                return true;
            }

            lock (clock.gate) clock.Waits.Add(dueTime);
            ThreadPool.QueueUserWorkItem(_ =>
            {
                clock.Advance(dueTime);
                Strike();
            });
            return true;
        }

        public void Dispose()
        {
            lock (clock.gate) clock.pending.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
