using Cuvee.Lab.References;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Searches;

namespace Cuvee.Lab.Reproduction;

/// <summary>A recipe that follows from the case alone.</summary>
internal sealed class RecipeRow(string key, string name, Func<ExperimentCase, MergeRecipe> recipe) : IExperimentRow
{
    public string Key => key;

    public string Name => name;

    public ExperimentRowKind Kind => ExperimentRowKind.Control;

    public bool IsSeeded => false;

    public bool UsesPool { get; init; } = true;

    public string Settings(bool quick) => "";

    public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken) =>
        Task.FromResult(RowOutcome.Of(name, 0, 0, context.Lab, recipe(context.Case)));
}

/// <summary>The adapter that a search must beat, as the row <paramref name="finder"/> found it.</summary>
/// <param name="byLoss">The one with the lowest loss on the validation records, whatever its answers.</param>
internal sealed class BestSingleRow(string finder, bool byLoss = false) : IExperimentRow
{
    public string Key => byLoss ? "best-single-loss" : "best-single";

    public string Name => byLoss ? "best single adapter by loss" : "best single adapter";

    public string? Note => byLoss
        ? null
        : $"The {Name} is, of the best by loss and the best by {Experiment.Metric} on the validation records, the one with the better " +
            $"{Experiment.Metric} there: its loss may lie far above that of the best by loss.";

    public ExperimentRowKind Kind => ExperimentRowKind.Control;

    public bool IsSeeded => true;

    public string? Uses => finder;

    public string Settings(bool quick) => "";

    public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken)
    {
        var singles = context.Used!.Singles
            ?? throw new InvalidOperationException($"Row '{finder}' does not look for the best single adapter.");
        var (single, cost) = byLoss ? (singles.ByObjective, singles.ObjectiveCost) : (singles.Best, singles.Cost);
        return Task.FromResult(RowOutcome.Of(
            $"{Name} ({single.Name})", cost.Queries, cost.Tokens, context.Lab, MergeRecipes.Single(MergeSpace.Delta, single.Name)));
    }
}

/// <summary>Gaussian weights of the same norm as the result of the row <paramref name="like"/>: does the direction matter?</summary>
internal sealed class RandomWeightsRow(string like, int draws) : IExperimentRow
{
    public string Key => "random-weights";

    public string Name => $"random weights, same norm ({draws} draws)";

    public ExperimentRowKind Kind => ExperimentRowKind.Control;

    public bool IsSeeded => true;

    public string? Uses => like;

    public string Settings(bool quick) => $"{draws}";

    public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken)
    {
        // A result that is one adapter still asks the question over the whole pool.
        var found = ((WeightedRecipe)context.Used!.Recipe!).Adapters.ToDictionary(share => share.Name, MergeRecipes.Strength);
        var spread = new WeightedRecipe(
            MergeSpace.Delta, [.. context.Case.Adapters.Select(adapter => new AdapterShare(adapter, found.GetValueOrDefault(adapter)))]);
        RowModel[] models = [.. MergeRecipes.RandomWeights(spread, draws, context.Seed).Select(recipe => RowModel.Of(context.Lab, recipe))];
        return Task.FromResult(new RowOutcome(Name, 0, 0, _ => models));
    }
}

/// <summary>The average of as many adapters as the row <paramref name="like"/> rests on, drawn: does the choice matter?</summary>
internal sealed class RandomAdaptersRow(string like, int draws) : IExperimentRow
{
    public string Key => "random-adapters";

    public string Name => $"random adapters, averaged ({draws} draws)";

    public ExperimentRowKind Kind => ExperimentRowKind.Control;

    public bool IsSeeded => true;

    public string? Uses => like;

    public string Settings(bool quick) => $"{draws}";

    public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken)
    {
        var count = MergeRecipes.AdaptersThatMatter(context.Used!.Recipe!);
        RowModel[] models =
        [
            .. MergeRecipes.RandomAdapters(MergeSpace.Delta, context.Case.Adapters, count, draws, context.Seed)
                .Select(recipe => RowModel.Of(context.Lab, recipe)),
        ];
        return Task.FromResult(new RowOutcome($"{Name}, {count} of {context.Case.Adapters.Count}", 0, 0, _ => models));
    }
}

/// <summary>Weights by gradient on the validation loss that a search may only query (AdaMerging-style, arXiv 2310.02575).</summary>
internal sealed class GradientRow(int steps, int quickSteps, double learningRate) : IExperimentRow
{
    public string Key => "gradient";

    public string Name => "weights by gradient (white box)";

    public ExperimentRowKind Kind => ExperimentRowKind.Reference;

    public bool IsSeeded => false;

    public string Settings(bool quick) => $"{(quick ? quickSteps : steps)} steps, learning rate {learningRate}";

    public string Note => "Weights by gradient descend the labelled validation loss, one weight an adapter: a reference, neither a bound " +
        "for the test nor AdaMerging itself.";

    public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken)
    {
        var path = Path.Combine(context.Folder, "recipe.json");
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(context.Folder);
            var lab = context.Lab;
            var pool = AdapterPool.Load(lab.AdaptersFolder, [.. lab.AdapterNames.Except(context.Case.Adapters, StringComparer.Ordinal)]);
            using var team = new ThreadTeam();
            RecipeJson.Write(path, new GradientTrainedWeights(lab.Model, pool, context.Case.Validation, team)
                .Train(context.Quick ? quickSteps : steps, learningRate, (_, _) => { }, cancellationToken));
        }

        return Task.FromResult(RowOutcome.Of(Name, 0, 0, context.Lab, RecipeJson.Read(path)));
    }
}

/// <summary>Each test's own specialist, which no search had.</summary>
internal sealed class SpecialistRow : IExperimentRow
{
    public string Key => "specialist";

    public string Name => "the target's own specialist";

    public ExperimentRowKind Kind => ExperimentRowKind.Reference;

    public bool IsSeeded => false;

    public bool UsesPool => false;

    public string Settings(bool quick) => "";

    public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken) => Task.FromResult(new RowOutcome(
        Name, 0, 0, test => [RowModel.Of(context.Lab, MergeRecipes.Single(MergeSpace.Delta, test.Target.Name))]));
}
