using Cuvee.Events;
using Cuvee.Journaling;
using Cuvee.Numerics;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Searches;

namespace Cuvee.Runs;

/// <summary>The adapter that a result must beat, measured on all validation records.</summary>
/// <param name="Loss">Of the objective that chose it.</param>
/// <param name="Queries">What finding it cost.</param>
public sealed record SingleAdapter(string Name, double Loss, long Queries);

/// <summary>
/// Finds the best single adapter by successive halving (Jamieson and Talwalkar, arXiv 1502.07943): all adapters on a few records, the
/// better half on twice as many, until the last ones are compared on all. Records come in a seeded order, so what a round adds is new.
/// Ties, which a metric on a few records has many of (no answer right), are broken by the order of the round before.
/// </summary>
internal static class BestSingleAdapter
{
    private const int FirstRecords = 8;

    /// <summary>Records asked, at most; far below adapters x records.</summary>
    public static long Cost(int adapters, int records)
    {
        long cost = 0;
        var before = 0;
        foreach (var (kept, asked) in Rounds(adapters, records))
        {
            cost += (long)kept * (asked - before);
            before = asked;
        }

        return cost;
    }

    /// <summary>The same by what each record takes.</summary>
    /// <param name="expenseOf">Of records by position.</param>
    public static Expense Expense(int adapters, int records, ulong seed, Func<IEnumerable<int>, Expense> expenseOf)
    {
        var (order, before, sum) = (Order(records, seed), 0, default(Expense));
        foreach (var (kept, asked) in Rounds(adapters, records))
        {
            sum += expenseOf(order[before..asked]) * kept;
            before = asked;
        }

        return sum;
    }

    /// <summary>Positions of the records that every adapter is asked, rising.</summary>
    public static IReadOnlyList<int> AskedOfAll(int adapters, int records, ulong seed) =>
        [.. Order(records, seed).Take(Rounds(adapters, records).First().Records).Order()];

    private static int[] Order(int records, ulong seed)
    {
        int[] order = [.. Enumerable.Range(0, records)];
        SeededRandom.Derive(seed, "best-single").Shuffle(order.AsSpan());
        return order;
    }

    /// <summary>All adapters in a seeded order, where nothing is known of them; names say what an adapter is trained for, so that their
    /// order would keep one kind.</summary>
    public static IReadOnlyList<string> Unranked(RunPlan plan)
    {
        var names = plan.AdapterNames.ToArray();
        SeededRandom.Derive(plan.Configuration.Seed, "best-single/adapters").Shuffle(names.AsSpan());
        return names;
    }

    /// <param name="prior">All adapters; of two that are equal on the first records the one that stands before the other goes on.</param>
    /// <returns>The best, and all adapters as they were ranked: those of later rounds first.</returns>
    public static async Task<(SingleAdapter Best, IReadOnlyList<string> Ranking)> FindAsync(
        RunPlan plan, IReadOnlyList<string> prior, IObjective objective, CandidateEvaluator evaluator, Account account,
        IProgress<RunEvent> progress, CancellationToken cancellationToken)
    {
        var source = new RecordSource(RunRecords.Validation, plan.Validation);
        var order = Order(plan.Validation.Count, plan.Configuration.Seed);
        var readsTokens = objective.Observes == ObservationKind.Score && plan.Program.Stages.Any(stage => stage.ReadsTokenLogProbabilities);
        var before = account.Spending.Queries;
        var ranking = prior;
        var least = 0.0;
        var round = 0;
        foreach (var (kept, asked) in Rounds(prior.Count, plan.Validation.Count))
        {
            int[] records = [.. order.Take(asked).Order()];
            var questions = ranking.Take(kept).Select((name, trial) => new Question(
                new QuestionKey($"best-single/{objective.Name}", EvaluationPurpose.Single, round, trial),
                MergeRecipes.Single(plan.Search.Space, name),
                source,
                records,
                objective)
            {
                Subject = name,
                ReadsTokenLogProbabilities = readsTokens,
            }).ToList();
            var evaluations = await evaluator.EvaluateAsync(questions, account, cancellationToken).ConfigureAwait(false);
            // A stable sort: equal ones keep their order.
            ranking =
            [
                .. questions.Zip(evaluations).OrderBy(pair => pair.Second.Loss).Select(pair => pair.First.Subject!),
                .. ranking.Skip(kept),
            ];
            least = evaluations.Min(evaluation => evaluation.Loss);
            progress.Report(new SinglesCompared(objective.LossName, kept, asked, ranking[0], least));
            round++;
        }

        return (new SingleAdapter(ranking[0], least, account.Spending.Queries - before), ranking);
    }

    private static IEnumerable<(int Kept, int Records)> Rounds(int adapters, int records)
    {
        for (var (kept, asked) = (adapters, Math.Min(FirstRecords, records)); ; (kept, asked) =
            (Math.Max(2, (kept + 1) / 2), Math.Min(2 * asked, records)))
        {
            kept = Math.Min(kept, adapters);
            if (kept <= 2) asked = records;
            yield return (kept, asked);
            if (asked == records) yield break;
        }
    }
}

internal static class RunRecords
{
    public const string Validation = "validation";
    public const string Test = "test";
}
