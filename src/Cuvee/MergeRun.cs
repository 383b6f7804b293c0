using Cuvee.Events;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Reporting;

namespace Cuvee;

/// <summary>A run file from reading to results on the embedded engine: the main search, the comparison searches, the table.</summary>
/// <param name="threads">Null: one a processor.</param>
public sealed class MergeRun(TimeProvider time, IProgress<RunEvent> progress, int? threads = null)
{
    /// <param name="plans">From <see cref="RunPlanner.Plan"/>: the main search first.</param>
    /// <returns>One result a plan, and the table where the run file has a <c>compare</c> section.</returns>
    public async Task<MergeReport> ExecuteAsync(IReadOnlyList<RunPlan> plans, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plans);
        var main = plans[0];
        var configuration = main.Configuration;
        var pool = AdapterPool.Load(configuration.Pool.Path, configuration.Pool.Exclude);
        using var model = EmbeddedModel.Load(configuration.Model, threads);
        await using var host = new EmbeddedAdapterHost(model, pool, threads);
        var executor = new RunExecutor(host, new RecipeMerger(pool), time, progress);

        var results = new List<(string Title, RunResult Result)>();
        foreach (var plan in plans)
        {
            results.Add((plan.Title, await executor.ExecuteAsync(plan, cancellationToken).ConfigureAwait(false)));
        }

        ComparisonTable? table = null;
        if (configuration.Compare is not null)
        {
            table = await new ComparisonBuilder(host, progress).BuildAsync(main, results, cancellationToken).ConfigureAwait(false);
            table.Write(main.Out);
        }

        return new MergeReport([.. results.Select(pair => pair.Result)], table);
    }
}
