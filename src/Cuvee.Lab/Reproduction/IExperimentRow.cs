using Cuvee.Hosting;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Runs;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// One row of an experiment's tables: how its models come to be. The engine gives it a case and a seed, and measures what it returns. Rows
/// that are no merge (an adapter trained on the validation records, prompts with examples) return models of their own
/// (<see cref="RowModel"/>); all else follows. Stateless.
/// </summary>
internal interface IExperimentRow
{
    /// <summary>Unique among all rows, in every table and file.</summary>
    string Key { get; }

    string Name { get; }

    ExperimentRowKind Kind { get; }

    /// <summary>False: the same for every seed, so it runs once.</summary>
    bool IsSeeded { get; }

    /// <summary>False: whatever the pool, the same, so that experiments with the same records share its runs.</summary>
    bool UsesPool => true;

    /// <summary>Key of the row before it whose outcome it works on; null for none.</summary>
    string? Uses => null;

    /// <summary>Whether another outcome of that row gives another result.</summary>
    bool FollowsUsed => true;

    /// <summary>Of its own, for people.</summary>
    string Settings(bool quick);

    /// <summary>What a reader of its numbers must know, one sentence; null for nothing.</summary>
    string? Note => null;

    /// <summary>What decides its results beside case, seed and the row that it follows; a change of it is another folder.</summary>
    string Decided(bool quick) => Settings(quick);

    Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken);
}

internal enum ExperimentRowKind
{
    /// <summary>Chooses by black-box queries.</summary>
    Search,

    /// <summary>A published merge method under the published protocol.</summary>
    Baseline,

    /// <summary>What a search must beat.</summary>
    Control,

    /// <summary>Sees what a black-box search cannot.</summary>
    Reference,
}

/// <summary>What a row works on and with.</summary>
/// <param name="Folder">The row's own, of this case and seed; finished work in it is used again.</param>
/// <param name="Used">Outcome of the row that it uses, for the same case and seed; null where <see cref="IExperimentRow.Uses"/> is.</param>
internal sealed record RowContext(
    ExperimentLab Lab, ExperimentCase Case, CaseSession Session, ulong Seed, bool Quick, string Folder, RowOutcome? Used);

/// <summary>What a row found.</summary>
/// <param name="Name">The row's, with what this run chose in brackets.</param>
/// <param name="Queries">Validation queries that finding it cost.</param>
/// <param name="Tokens">Prompt and answer tokens of those queries.</param>
/// <param name="ModelsFor">The models of a test; counts of several are summed.</param>
internal sealed record RowOutcome(string Name, long Queries, long Tokens, Func<ExperimentTest, IReadOnlyList<RowModel>> ModelsFor)
{
    /// <summary>Null where the row is no single recipe.</summary>
    public MergeRecipe? Recipe { get; init; }

    /// <summary>The best single adapters that a run found on its way; null where none did.</summary>
    public BestSingles? Singles { get; init; }

    public static RowOutcome Of(string name, long queries, long tokens, ExperimentLab lab, MergeRecipe recipe) =>
        new(name, queries, tokens, _ => [RowModel.Of(lab, recipe)]) { Recipe = recipe };
}

/// <param name="ByObjective">The adapter with the lowest loss.</param>
/// <param name="ByMetric">Null where the run names no metric.</param>
/// <param name="Best">Of the two, the one with the better metric on the validation records, or with the lower loss where that is 0.</param>
/// <param name="ObjectiveCost">Of finding the first.</param>
/// <param name="Cost">Of finding both.</param>
internal sealed record BestSingles(
    SingleAdapter ByObjective, SingleAdapter? ByMetric, SingleAdapter Best, QueryCost ObjectiveCost, QueryCost Cost);

/// <param name="Tokens">Prompt and answer tokens.</param>
internal readonly record struct QueryCost(long Queries, long Tokens);

/// <summary>A model that can be measured.</summary>
/// <param name="OpenAsync">One lease at a time.</param>
internal sealed record RowModel(Func<CancellationToken, ValueTask<IModelLease>> OpenAsync)
{
    /// <summary>A recipe over any adapters of the zoo.</summary>
    public static RowModel Of(ExperimentLab lab, MergeRecipe recipe) =>
        new(cancellationToken => lab.Host.RealizeAsync(recipe, cancellationToken));

    /// <summary>What is no recipe, such as an adapter of the row's own or the base model under other prompts.</summary>
    /// <param name="open">Called for each measurement; may use <see cref="ExperimentLab.Model"/>.</param>
    public static RowModel Of(Func<ILanguageModel> open) => new(_ => ValueTask.FromResult<IModelLease>(new UnheldLease(open())));
}
