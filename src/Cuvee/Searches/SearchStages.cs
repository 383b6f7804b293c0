using Cuvee.Configuration;
using Cuvee.Numerics;
using Cuvee.Objectives;
using Cuvee.Optimization;
using Cuvee.Optimization.CmaEs;
using Cuvee.Optimization.FisherProbing;
using Cuvee.Planning;

namespace Cuvee.Searches;

/// <summary>The stages of each search. A further search adds a case here and its optimiser in Cuvee.Optimization.</summary>
public static class SearchStages
{
    public static IReadOnlyList<Stage> Of(SearchSettings search, SearchSizes sizes, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(search);
        ArgumentNullException.ThrowIfNull(sizes);
        var total = (double)search.Stages.Sum(stage => stage.Evaluations);
        var bounded = search.Budget is not (null, null);
        var stages = new List<Stage>();
        foreach (var settings in search.Stages)
        {
            var name = settings.Kind == StageKind.KeepFractions ? "keep-fractions" : "weights";
            var optimizerSeed = SeededRandom.Derive(seed, $"optimizer/{name}").NextUInt64();
            stages.Add(new Stage
            {
                Name = name,
                SpaceAround = origin => settings.Kind == StageKind.KeepFractions ? new KeepFractionSpace(origin) : new WeightSpace(origin),
                OptimizerOf = (space, records) => Optimizer(search, sizes, space, records, optimizerSeed),
                Objective = new CrossEntropyObjective(search.PenaltyStrength),
                SampleSize = sizes.SampleSize,
                NeedsTokenLogProbabilities = search.Kind == SearchKind.FisherProbing,
                MaxEvaluations = bounded || search.Kind == SearchKind.FisherProbing ? null : settings.Evaluations,
                BudgetShare = search.Stages.TakeWhile(stage => stage != settings).Append(settings).Sum(stage => stage.Evaluations) / total,
                CheckEvery = search.CheckEvery,
                Patience = search.Patience,
            });
        }

        return stages;
    }

    private static IOptimizer Optimizer(
        SearchSettings search, SearchSizes sizes, ISearchSpace space, int records, ulong seed) => search.Kind switch
        {
            // Evo-Merging (arXiv 2509.12951): CMA-ES in both stages. The sample changes every generation, so the tests that
            // compare losses across generations (tolfun, tolfunhist, stagnation) would read sampling noise; early stopping on
            // held-out records takes their place.
            SearchKind.EvoMerging => new CmaEsOptimizer(space.Start, new CmaEsOptions
            {
                InitialStepSize = search.InitialStepSize,
                PopulationSize = sizes.PopulationSize,
                Bounds = space.Bounds,
                Seed = seed,
                Tolerances = CmaEsTolerances.None with { TolX = 1e-6 },
            }),
            SearchKind.FisherProbing => new FisherProbingOptimizer(space.Start, new FisherProbingOptions
            {
                RecordCount = records,
                ProbeRecords = search.FisherProbing!.ProbeRecords,
                LineSearchRecords = search.FisherProbing.LineSearchRecords,
                ProbeStep = search.FisherProbing.ProbeStep,
                InitialDamping = search.FisherProbing.Damping,
                FisherMemory = search.FisherProbing.Averaging,
                MaxRounds = search.Budget is (null, null) ? search.FisherProbing.Rounds : null,
                Bounds = space.Bounds,
                Seed = seed,
            }),
            SearchKind.Random => new RandomSearch(space.Start, new RandomSearchOptions
            {
                PopulationSize = sizes.PopulationSize,
                Bounds = space.Bounds,
                Seed = seed,
            }),
            _ => throw new ArgumentOutOfRangeException(nameof(search), search.Kind, "No such search."),
        };
}
