namespace Cuvee.LanguageModels;

/// <summary>
/// What a run has spent. A query is one record scored or generated under one set of weights; tokens are prompt plus completion tokens.
/// Thread-safe.
/// </summary>
/// <param name="maxQueries">The budget; null for none.</param>
public sealed class QueryMeter(long? maxQueries = null)
{
    private readonly Lock gate = new();
    private long queries;
    private long tokens;

    public long Queries
    {
        get
        {
            lock (gate) return queries;
        }
    }

    public long Tokens
    {
        get
        {
            lock (gate) return tokens;
        }
    }

    /// <summary>Reserves queries before they are sent, so that concurrent callers cannot pass the budget together.</summary>
    /// <exception cref="QueryBudgetExceededException">The budget does not hold that many more; nothing is reserved.</exception>
    public void Take(int count)
    {
        lock (gate)
        {
            if (queries + count > maxQueries)
            {
                throw new QueryBudgetExceededException(
                    $"{count} more queries would pass the budget of {maxQueries} ({queries} are spent); raise budget.queries.");
            }

            queries += count;
        }
    }

    /// <summary>Gives back queries that were reserved and never answered.</summary>
    public void Return(int count)
    {
        lock (gate) queries -= count;
    }

    public void AddTokens(long count)
    {
        lock (gate) tokens += count;
    }

    /// <summary>Books what an earlier process spent (a resumed journal).</summary>
    public void Book(long earlierQueries, long earlierTokens)
    {
        lock (gate)
        {
            queries += earlierQueries;
            tokens += earlierTokens;
        }
    }
}
