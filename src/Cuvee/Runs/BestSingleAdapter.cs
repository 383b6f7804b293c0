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

    public static async Task<SingleAdapter> FindAsync(
        RunPlan plan, IObjective objective, CandidateEvaluator evaluator, Account account, IProgress<RunEvent> progress,
        CancellationToken cancellationToken)
    {
        var source = new RecordSource(RunRecords.Validation, plan.Validation);
        var order = Order(plan.Validation.Count, plan.Configuration.Seed);
        var readsTokens = objective.Observes == ObservationKind.Score && plan.Program.Stages.Any(stage => stage.ReadsTokenLogProbabilities);
        var before = account.Spending.Queries;
        IReadOnlyList<(string Name, double Loss)> ranked = [.. plan.AdapterNames.Select(name => (name, 0.0))];
        var round = 0;
        foreach (var (kept, asked) in Rounds(plan.AdapterNames.Count, plan.Validation.Count))
        {
            int[] records = [.. order.Take(asked).Order()];
            var questions = ranked.Take(kept).Select((adapter, trial) => new Question(
                new QuestionKey($"best-single/{objective.Name}", EvaluationPurpose.Single, round, trial),
                MergeRecipes.Single(plan.Search.Space, adapter.Name),
                source,
                records,
                objective)
            {
                Subject = adapter.Name,
                ReadsTokenLogProbabilities = readsTokens,
            }).ToList();
            var evaluations = await evaluator.EvaluateAsync(questions, account, cancellationToken).ConfigureAwait(false);
            ranked = [.. questions.Zip(evaluations, (question, evaluation) => (question.Subject!, evaluation.Loss))
                .OrderBy(pair => pair.Loss).ThenBy(pair => pair.Item1, StringComparer.Ordinal)];
            progress.Report(new SinglesCompared(objective.LossName, kept, asked, ranked[0].Name, ranked[0].Loss));
            round++;
        }

        return new SingleAdapter(ranked[0].Name, ranked[0].Loss, account.Spending.Queries - before);
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
