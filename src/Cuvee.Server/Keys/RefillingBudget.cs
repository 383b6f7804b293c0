namespace Cuvee.Server.Keys;

/// <summary>A token bucket: full at the start, refilled evenly, never beyond one minute's worth. Thread-safe.</summary>
/// <param name="perMinute">At least 1.</param>
internal sealed class RefillingBudget(int perMinute, TimeProvider time)
{
    private readonly Lock gate = new();
    private double left = perMinute;
    private long last = time.GetTimestamp();

    public int PerMinute => perMinute;

    /// <param name="amount">At most <see cref="PerMinute"/>; more is never there.</param>
    /// <returns>Null when it was taken, else how long it takes until it can be.</returns>
    public TimeSpan? Take(int amount)
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            left = Math.Min(perMinute, left + (time.GetElapsedTime(last, now).TotalMinutes * perMinute));
            last = now;
            if (left < amount) return TimeSpan.FromMinutes((amount - left) / perMinute);
            left -= amount;
            return null;
        }
    }
}
