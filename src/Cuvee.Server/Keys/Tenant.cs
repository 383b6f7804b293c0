using Cuvee.Formats;

namespace Cuvee.Server.Keys;

/// <summary>Who asks, and what is left of the key's limits.</summary>
internal sealed class Tenant(KeyEntry entry, TimeProvider time)
{
    private readonly RefillingBudget? requests = entry.RequestsPerMinute is { } perMinute ? new(perMinute, time) : null;
    private readonly RefillingBudget? tokens = entry.TokensPerMinute is { } perMinute ? new(perMinute, time) : null;

    public string Name => entry.Name;

    public long MaxBodyBytes => entry.MaxBodyBytes ?? long.MaxValue;

    public int? MaxSessions => entry.MaxSessions;

    /// <param name="right">One of <see cref="KeyRights"/>.</param>
    /// <exception cref="ServiceException">The key lacks it.</exception>
    public void Require(string right)
    {
        if (entry.Rights is { } rights && !rights.Contains(right)) throw ServiceException.Forbidden(right);
    }

    /// <exception cref="ServiceException">Over the limit.</exception>
    public void TakeRequest()
    {
        if (requests?.Take(1) is { } wait) throw ServiceException.OverLimit($"{requests.PerMinute} requests a minute", wait);
    }

    /// <exception cref="ServiceException">Over the limit.</exception>
    /// <exception cref="BadInputException">More than the limit ever allows.</exception>
    public void TakeTokens(long count)
    {
        if (tokens is null) return;
        if (count > tokens.PerMinute)
        {
            throw new BadInputException(
                $"request: it takes {count} tokens and the key has {tokens.PerMinute} a minute; send fewer records or a smaller " +
                "max_tokens.");
        }

        if (tokens.Take((int)count) is { } wait) throw ServiceException.OverLimit($"{tokens.PerMinute} tokens a minute", wait);
    }

    /// <summary>For work that goes on by itself: waits until the tokens are there, however many.</summary>
    public async Task PayTokensAsync(long count, CancellationToken cancellationToken)
    {
        while (tokens is not null && count > 0)
        {
            var part = (int)Math.Min(count, tokens.PerMinute);
            while (tokens.Take(part) is { } wait) await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
            count -= part;
        }
    }
}
