using System.Security.Cryptography;
using Cuvee.Server.Keys;

namespace Cuvee.Server.Sessions;

/// <summary>
/// The open sessions, each visible to the key that opened it. One that nobody asks for a while is closed, when another one needs its
/// place or somebody asks; its folder goes with it. Thread-safe.
/// </summary>
internal sealed class SessionStore(ServerOptions options, TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Session> open = new(StringComparer.Ordinal);

    /// <summary>Where sessions keep what they make.</summary>
    public string Folder { get; } = Path.GetFullPath(options.WorkFolder ?? ".");

    /// <exception cref="ServiceException">The key has as many sessions as it may.</exception>
    public Session Open(Tenant owner, string presetId, QueryPlus query)
    {
        lock (gate)
        {
            CloseIdle();
            var most = owner.MaxSessions ?? options.MaxSessions;
            if (most == 0)
            {
                throw new ServiceException(
                    429, "rate_limit_error", "The key may open no session; ask the server's owner to raise its 'max_sessions'.");
            }

            var own = open.Values.Where(session => session.Owner == owner).ToList();
            if (own.Count >= most)
            {
                var oldest = own.Min(session => session.LastUsed);
                throw ServiceException.OverLimit(
                    $"{most} open sessions (DELETE one, or leave one alone)", options.SessionIdle - time.GetElapsedTime(oldest));
            }

            var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            var session = new Session(id, owner, presetId, query, Path.Combine(Folder, id)) { LastUsed = time.GetTimestamp() };
            open.Add(id, session);
            return session;
        }
    }

    /// <summary>Runs <paramref name="work"/> on a session when its turn comes.</summary>
    /// <exception cref="ServiceException">The key has no such session.</exception>
    public async Task UseAsync(Tenant owner, string id, Func<Session, Task> work, CancellationToken cancellationToken)
    {
        Session session;
        lock (gate)
        {
            session = Find(owner, id);
            session.Requests++;
        }

        try
        {
            await session.Turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await work(session).ConfigureAwait(false);
            }
            finally
            {
                session.Turn.Release();
            }
        }
        finally
        {
            lock (gate)
            {
                session.Requests--;
                session.LastUsed = time.GetTimestamp();
            }
        }
    }

    /// <exception cref="ServiceException">The key has no such session, or the session is at work.</exception>
    public void Close(Tenant owner, string id)
    {
        lock (gate)
        {
            var session = Find(owner, id);
            if (session.Requests > 0)
                throw new ServiceException(409, "invalid_request_error", "The session is at work; end its requests first.");
            Remove(session);
        }
    }

    private Session Find(Tenant owner, string id)
    {
        CloseIdle();
        return open.TryGetValue(id, out var session) && session.Owner == owner
            ? session
            : throw ServiceException.NotFound("Unknown session."); // the authors' words
    }

    private void CloseIdle()
    {
        var idle = open.Values.Where(session => session.Requests == 0 && time.GetElapsedTime(session.LastUsed) > options.SessionIdle);
        foreach (var session in idle.ToList()) Remove(session);
    }

    private void Remove(Session session)
    {
        open.Remove(session.Id);
        if (Directory.Exists(session.Folder)) Directory.Delete(session.Folder, recursive: true);
    }
}
