using System.Globalization;

namespace Cuvee.LanguageModels;

/// <summary>
/// What a run has spent. A query is one record scored or generated under one set of weights; tokens are prompt plus completion tokens.
/// Thread-safe.
/// </summary>
/// <param name="limits">The budget; null for none.</param>
/// <param name="price">What a limit of cost is counted by.</param>
public sealed class QueryMeter(SpendingLimits? limits = null, TokenPrice? price = null)
{
    private readonly Lock gate = new();
    private Expense spent;
    private Expense reserved; // sent, not settled

    public Expense Spent
    {
        get
        {
            lock (gate) return spent;
        }
    }

    /// <summary>Reserves what a request may take before it is sent, so that concurrent callers cannot pass the budget together.</summary>
    /// <exception cref="QueryBudgetExceededException">The budget does not hold that much more; nothing is reserved.</exception>
    public void Take(Expense bound)
    {
        lock (gate)
        {
            var total = spent + reserved;
            if (limits?.PassedBy(total + bound, price) is { } key)
            {
                var (limit, gone) = key switch
                {
                    "queries" => (limits.Queries, total.Queries),
                    "tokens" => (limits.Tokens, total.Tokens),
                    _ => (limits.Cost, price!.CostOf(total)),
                };
                throw new QueryBudgetExceededException(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{bound.Queries} more queries would pass the budget of {limit:0.####} {key} ({gone:0.####} are spent)."),
                    key);
            }

            reserved += bound;
        }
    }

    /// <summary>What a request that had reserved <paramref name="bound"/> really took; nothing where it was not answered.</summary>
    public void Settle(Expense bound, Expense actual)
    {
        lock (gate)
        {
            reserved -= bound;
            spent += actual;
        }
    }

    /// <summary>Books what an earlier process spent (a resumed journal).</summary>
    public void Book(Expense earlier)
    {
        lock (gate) spent += earlier;
    }
}
