using Cuvee.Events;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Reporting;

namespace Cuvee.Runs;

/// <summary>A run file from reading to results: the main search, the comparison searches, the table.</summary>
public sealed class MergeRun(TimeProvider time, IProgress<RunEvent> progress)
{
    /// <param name="plans">From <see cref="RunPlanner"/>: the main search first.</param>
    /// <param name="options">How to open the main search's run; null for defaults.</param>
    /// <returns>One result a plan, and the table where the run file has a <c>compare</c> section.</returns>
    public async Task<MergeReport> ExecuteAsync(
        IReadOnlyList<RunPlan> plans, CancellationToken cancellationToken, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(plans);
        var configuration = plans[0].Configuration;
        await using var session = await OpenAsync(plans[0], cancellationToken).ConfigureAwait(false);
        foreach (var doubt in session.PoolDoubts) progress.Report(new PoolDoubt(doubt));
        var executor = new RunExecutor(session, time, progress);
        var hasTable = configuration.Compare is not null;
        using var run = executor.Open(plans[0], options); // to the end: the table and the manifest are written here, too
        var main = await executor.ExecuteAsync(plans[0], run, known: null, hasTable, cancellationToken).ConfigureAwait(false);
        var searches = new List<(string Title, RunResult Result)> { (plans[0].Title, main) };
        foreach (var plan in plans.Skip(1))
        {
            // Comparison searches share the main search's best single adapter; only the main search's budget can grow.
            var own = new RunOptions(options?.Repair == true);
            try
            {
                searches.Add((plan.Title, await executor.ExecuteAsync(plan, main.Verdict, own, cancellationToken).ConfigureAwait(false)));
            }
            catch (QueryBudgetExceededException exception)
            {
                throw new LanguageModelException(
                    $"{plan.Out}: {exception.Message.TrimEnd('.')}, and a comparison search gets no more; delete that folder to ask " +
                    "anew.",
                    exception);
            }
        }

        ComparisonTable? table = null;
        if (hasTable)
        {
            (table, var spent) = await new ComparisonBuilder(session.Host, time, progress).BuildAsync(
                plans[0], searches, cancellationToken, options?.Repair == true).ConfigureAwait(false);
            table.Write(plans[0].Out);
            RunWriter.Finish(plans[0], main, spent);
        }

        if (session.Retries > 0) progress.Report(new RequestsRepeated(session.Retries));
        if (session is CachedSession { Reused: > 0 } cached) progress.Report(new AnswersReused(cached.Reused));
        if (session is CachedSession { Problem: { } problem }) progress.Report(new CacheDoubt(problem));
        return new MergeReport([.. searches.Select(pair => pair.Result)], table);
    }

    /// <summary>Opens a plan's provider, behind the cache of answers where its file names one.</summary>
    /// <exception cref="Formats.BadInputException">Model, pool or cache cannot be opened.</exception>
    public static async Task<IProviderSession> OpenAsync(RunPlan plan, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var session = await plan.Configuration.Provider.OpenAsync(plan.Text, cancellationToken).ConfigureAwait(false);
        if (plan.Configuration.Cache is not { } folder) return session;
        try
        {
            return CachedSession.Open(session, folder, plan.Configuration, plan.Text);
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
