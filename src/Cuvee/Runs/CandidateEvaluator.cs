using Cuvee.Configuration;
using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Hosting;
using Cuvee.Journaling;
using Cuvee.Objectives;
using Cuvee.Planning;

namespace Cuvee.Runs;

/// <summary>One candidate on some records: what the evaluator is asked.</summary>
/// <param name="Source">The file that <paramref name="Records"/> count positions of.</param>
internal sealed record Question(
    QuestionKey Key, MergeRecipe Recipe, RecordSource Source, IReadOnlyList<int> Records, IObjective Objective)
{
    /// <summary>What a penalty is charged on; null where the recipe came from no search space.</summary>
    public IReadOnlyList<double>? Point { get; init; }

    public double Penalty { get; init; }

    public bool ReadsTokenLogProbabilities { get; init; }

    /// <summary>Answers end before any of these texts.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>For people who read the log, where there is no point.</summary>
    public string? Subject { get; init; }

    /// <summary>What answers in the recipe's stead; null: the recipe itself.</summary>
    public WrittenForm? Written { get; init; }

    /// <summary>Names what answers.</summary>
    public string ModelKey => Written is null ? RecipeKey.Of(Recipe) : $"{RecipeKey.Of(Recipe)}/{Written.Name}";

    public IReadOnlyList<PromptCompletion> Sample => [.. Records.Select(record => Source.Records[record])];
}

/// <summary>Files written from a recipe, as a model.</summary>
/// <param name="Name">Tells them from others of the same recipe.</param>
/// <param name="Lease">The asker's to give back.</param>
internal sealed record WrittenForm(string Name, IModelLease Lease);

/// <summary>A file of records.</summary>
internal sealed record RecordSource(string Name, IReadOnlyList<PromptCompletion> Records)
{
    public IReadOnlyList<int> All { get; } = [.. Enumerable.Range(0, Records.Count)];
}

/// <summary>What one run or table has paid for; several share a journal when each has its own account.</summary>
/// <param name="price">Null: nobody says what tokens cost.</param>
internal sealed class Account(RunBudget? budget = null, TokenPrice? price = null)
{
    public QueryMeter Meter { get; } = new(
        budget is null ? null : new SpendingLimits(budget.Queries, budget.Tokens, budget.Cost), price);

    /// <summary>Tokens are limited or charged, so that answers must tell theirs.</summary>
    public bool CountsTokens => price is not null || budget?.Tokens is not null;

    public int Evaluations { get; set; }

    /// <summary>Queries that were billed and brought no answer of use; part of the queries.</summary>
    public int Lost { get; set; }

    /// <summary>Queries that brought an answer.</summary>
    public long Answered => Meter.Spent.Queries - Lost;

    public void BookLost(Expense lost)
    {
        Meter.Book(lost);
        Lost += (int)lost.Queries;
    }

    public RunSpending Spending
    {
        get
        {
            var spent = Meter.Spent;
            return new(Evaluations, spent.Queries, spent.Tokens, Lost, price?.CostOf(spent));
        }
    }
}

/// <summary>
/// Answers questions: from the cache, from the journal where an earlier process already paid, else by queries, which are journalled as they
/// arrive. As many candidates at a time as the host allows; everything that is told comes in the order of the questions, so the arrival
/// order decides nothing.
/// </summary>
/// <param name="expenses">Of <see cref="RunRecords.Validation"/>; null where no budget is to be kept.</param>
/// <param name="cachedObservations">Kept from batch to batch, about 100 bytes each without token detail; first in, first out, in the order
/// told.</param>
internal sealed class CandidateEvaluator(
    IAdapterHost host, ObservationJournal journal, EvaluationLog log, GenerationOptions generation, bool givesTokens, TimeProvider time,
    RecordExpenses? expenses = null, int cachedObservations = 500_000)
{
    private readonly Dictionary<CacheKey, Observation> cache = [];
    private readonly Queue<CacheKey> cachedInOrder = new();
    private Expense bookedLost; // of the journal's earlier processes
    private long clock = time.GetTimestamp();

    /// <summary>True while everything came from the journal.</summary>
    public bool IsReplaying { get; private set; } = true;

    /// <summary>Seconds worked in this process, as far as taken.</summary>
    public double SecondsTaken { get; private set; }

    /// <summary>What answering would take now, at most.</summary>
    public Expense BoundOf(IEnumerable<Question> questions)
    {
        var pending = new HashSet<CacheKey>();
        return Expense.Sum(questions.Select(
            question => BoundOf(question, Missing(question, question.ModelKey, pending))));
    }

    /// <summary>Whether an earlier process asked these next, or passed them over; null where it did not come as far, or needed no
    /// query.</summary>
    public bool? WereAsked(IReadOnlyList<Question> questions) =>
        IsReplaying && BoundOf(questions).Queries > 0 ? journal.GoesOnWith([.. questions.Select(question => question.Key)]) : null;

    /// <returns>In the order of the questions.</returns>
    /// <exception cref="BadInputException">The journal answers other questions.</exception>
    /// <exception cref="LanguageModelException">The provider failed; what was answered is journalled.</exception>
    public async Task<IReadOnlyList<Evaluation>> EvaluateAsync(
        IReadOnlyList<Question> questions, Account account, CancellationToken cancellationToken)
    {
        var pending = new HashSet<CacheKey>();
        var works = new List<Work>();
        foreach (var question in questions)
        {
            var key = question.ModelKey;
            var missing = Missing(question, key, pending);
            var work = new Work(question, key, missing);
            foreach (var (record, observation) in journal.Replay(question.Key, key, missing)) work.Answers[record] = observation;
            works.Add(work);
        }

        if (journal.EarlierLost != bookedLost)
        {
            account.BookLost(journal.EarlierLost - bookedLost);
            bookedLost = journal.EarlierLost;
        }

        var unanswered = works.Where(work => work.Answers.Count < work.Missing.Count).ToList();
        foreach (var work in works) account.Meter.Book(Expense.Sum(work.Answers.Values.Select(ExpenseOf)));
        if (unanswered.Count > 0)
        {
            IsReplaying = false;
            // All of them: a cut run must form what the whole one forms.
            host.Expect([.. questions.Where(question => question.Written is null).Select(question => question.Recipe)]);
            try
            {
                await AskAsync(unanswered, account, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                KeepSeconds();
                throw;
            }
            finally
            {
                host.Expect([]);
            }

            journal.AppendSeconds(TakeSeconds());
        }

        var evaluations = works.ConvertAll(work => Tell(work, works, account));
        while (cachedInOrder.Count > cachedObservations) cache.Remove(cachedInOrder.Dequeue()); // not before all of the batch is told
        return evaluations;
    }

    /// <summary>Seconds worked since the last call, in this process.</summary>
    public double TakeSeconds()
    {
        var now = time.GetTimestamp();
        var seconds = time.GetElapsedTime(clock, now).TotalSeconds;
        clock = now;
        SecondsTaken += seconds;
        return seconds;
    }

    /// <summary>As far as it goes: what ended the work is what its caller is to see.</summary>
    private void KeepSeconds()
    {
        try
        {
            journal.AppendSeconds(TakeSeconds());
        }
        catch (Exception exception) when (exception is IOException or BadInputException)
        {
        }
    }

    private async Task AskAsync(List<Work> works, Account account, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var slots = new SemaphoreSlim(Math.Max(1, host.MaxConcurrentLeases));
        var tasks = new List<Task>();
        foreach (var work in works)
        {
            await slots.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            if (stop.IsCancellationRequested) break;
            tasks.Add(OneAsync(work));
        }

        await Task.WhenAll(tasks).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();

        async Task OneAsync(Work work)
        {
            try
            {
                await QueryAsync(work, account, stop.Token).ConfigureAwait(false);
            }
            catch
            {
                await stop.CancelAsync().ConfigureAwait(false);
                throw;
            }
            finally
            {
                slots.Release();
            }
        }
    }

    private async Task QueryAsync(Work work, Account account, CancellationToken cancellationToken)
    {
        var question = work.Question;
        int[] records = [.. work.Missing.Where(record => !work.Answers.ContainsKey(record))];
        PromptCompletion[] sample = [.. records.Select(record => question.Source.Records[record])];
        await using var lease = question.Written is null
            ? await host.RealizeAsync(question.Recipe, cancellationToken).ConfigureAwait(false)
            : null;
        var bound = BoundOf(question, records);
        var model = new BudgetLanguageModel((lease ?? question.Written!.Lease).Model, account.Meter, bound);
        try
        {
            var observations = question.Objective.Observes == ObservationKind.Score
                ? (await model.ScoreAsync(sample, cancellationToken).ConfigureAwait(false)).Select(Observation.Of)
                : (await model.GenerateAsync(
                    [.. sample.Select(record => record.Prompt)], generation with { Stop = question.Stop }, cancellationToken)
                    .ConfigureAwait(false)).Select(Observation.Of);
            Keep(work, [.. records.Zip(observations)], lost: default);
            if (account.CountsTokens && work.Answers.Values.Any(answer => answer.PromptTokens == 0))
            {
                throw new LanguageModelException(
                    "the provider does not tell how many tokens its answers took (usage), so no budget of tokens or money can be kept; " +
                    "leave budget.tokens, budget.cost and model.price out.");
            }
        }
        catch (PartialAnswersException partial)
        {
            var answers = partial.Scores.Select(pair => (records[pair.Key], Observation.Of(pair.Value)))
                .Concat(partial.Answers.Select(pair => (records[pair.Key], Observation.Of(pair.Value))));
            Keep(work, [.. answers], bound.Share(partial.Lost));
            lock (account) account.Lost += partial.Lost;
            cancellationToken.ThrowIfCancellationRequested(); // a person's stop is no failure
            throw;
        }
    }

    private void Keep(Work work, IReadOnlyList<(int Record, Observation Observation)> answers, Expense lost)
    {
        var kept = answers.Select(answer => (answer.Record, Stripped(work.Question, answer.Observation))).ToList();
        journal.Append(work.Question.Key, work.Recipe, kept, lost);
        foreach (var (record, observation) in kept) work.Answers[record] = observation;
    }

    private Evaluation Tell(Work work, List<Work> works, Account account)
    {
        var question = work.Question;
        var observations = new Observation[question.Records.Count];
        for (var i = 0; i < observations.Length; i++)
        {
            var key = new CacheKey(work.Recipe, question.Source.Name, question.Objective.Observes, question.Records[i]);
            observations[i] = work.Answers.GetValueOrDefault(question.Records[i])
                ?? cache.GetValueOrDefault(key)
                ?? works.First(other => other.Recipe == work.Recipe && other.Question.Source == question.Source
                    && other.Question.Objective.Observes == question.Objective.Observes && other.Answers.ContainsKey(key.Record))
                    .Answers[key.Record];
        }

        foreach (var record in work.Missing)
        {
            Remember(new CacheKey(work.Recipe, question.Source.Name, question.Objective.Observes, record), work.Answers[record]);
            if (question.Source.Name == RunRecords.Validation) expenses?.Learn(record, question.Objective.Observes, work.Answers[record]);
        }

        var evaluation = new Evaluation(question.Objective.Loss(question.Sample, observations), question.Penalty, observations);
        account.Evaluations++;
        log.Append(new EvaluationLine
        {
            Stage = question.Key.Stage,
            Purpose = question.Key.Purpose,
            Iteration = question.Key.Iteration,
            Trial = question.Key.Trial,
            Point = question.Point,
            Subject = question.Subject,
            Records = question.Records,
            Loss = evaluation.Loss,
            Penalty = evaluation.Penalty,
            LogProbabilities = question.Objective.Observes == ObservationKind.Score
                ? [.. observations.Select(observation => observation.LogProbability)]
                : null,
            AnswerTokens = [.. observations.Select(observation => observation.Tokens)],
            Queries = work.Missing.Count,
            Tokens = work.Answers.Values.Sum(answer => ExpenseOf(answer).Tokens),
        });
        return evaluation;
    }

    private void Remember(CacheKey key, Observation observation)
    {
        if (!cache.ContainsKey(key)) cachedInOrder.Enqueue(key);
        cache[key] = observation;
    }

    /// <summary>Records of the question that no cache and no earlier question of the batch answers; adds them to the batch's.</summary>
    private List<int> Missing(Question question, string recipe, HashSet<CacheKey> pending)
    {
        var missing = new List<int>();
        foreach (var record in question.Records)
        {
            var key = new CacheKey(recipe, question.Source.Name, question.Objective.Observes, record);
            var isKnown = cache.TryGetValue(key, out var known)
                && (known.TokenLogProbabilities is not null || !givesTokens || !question.ReadsTokenLogProbabilities);
            if (!isKnown && pending.Add(key)) missing.Add(record);
        }

        return missing;
    }

    /// <summary>What the journal does not hold, the cache must not know either: a resumed run would ask differently.</summary>
    private static Observation Stripped(Question question, Observation observation) =>
        question.ReadsTokenLogProbabilities ? observation : observation with { TokenLogProbabilities = null };

    private static Expense ExpenseOf(Observation observation) => new(1, observation.PromptTokens, observation.Tokens);

    private Expense BoundOf(Question question, IReadOnlyList<int> records) =>
        question.Source.Name == RunRecords.Validation && expenses is not null
            ? expenses.Of(question.Objective.Observes, records)
            : new(records.Count, 0, 0);

    private readonly record struct CacheKey(string Recipe, string Source, ObservationKind Kind, int Record);

    private sealed record Work(Question Question, string Recipe, IReadOnlyList<int> Missing)
    {
        public Dictionary<int, Observation> Answers { get; } = [];
    }
}
