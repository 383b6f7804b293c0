namespace Cuvee.Server.Http;

/// <summary>How long a request may take; a route that has long work gives itself more.</summary>
internal sealed class RequestLimit : IDisposable
{
    private readonly CancellationTokenSource limit;
    private readonly CancellationTokenSource both;

    public RequestLimit(TimeSpan requestTime, TimeProvider time, CancellationToken aborted)
    {
        Time = requestTime;
        limit = new CancellationTokenSource(requestTime, time);
        both = CancellationTokenSource.CreateLinkedTokenSource(aborted, limit.Token);
    }

    public TimeSpan Time { get; private set; }

    /// <summary>What the caller can do about it; follows a semicolon.</summary>
    public string Mend { get; private set; } = "send smaller ones";

    public bool IsOver => limit.IsCancellationRequested;

    /// <summary>The limit is over, or the caller left.</summary>
    public CancellationToken Token => both.Token;

    public void Set(TimeSpan allowed, string mend)
    {
        (Time, Mend) = (allowed, mend);
        limit.CancelAfter(allowed);
    }

    public void Dispose()
    {
        both.Dispose();
        limit.Dispose();
    }
}
