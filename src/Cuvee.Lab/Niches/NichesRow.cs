using Cuvee.Optimization;
using Cuvee.Optimization.CmaEs;
using Cuvee.Optimization.NaturalNiches;

namespace Cuvee.Lab.Niches;

/// <summary>What an optimiser of a row is made from.</summary>
/// <param name="Starts">[2][weights]</param>
/// <param name="Labels">Of the training images.</param>
/// <param name="Mutation">Standard deviation; 0 from parents.</param>
internal sealed record NichesProblem(IReadOnlyList<double[]> Starts, IReadOnlyList<int> Labels, double Mutation, ulong Seed);

/// <summary>One method of the comparison.</summary>
/// <param name="Key">In files.</param>
/// <param name="FromParents">Takes part where two trained parents are merged, too.</param>
internal sealed record NichesRow(string Key, string Name, bool FromParents, Func<NichesProblem, IOptimizer> OptimizerOf)
{
    private const double CmaEsStepSize = 0.01; // the authors'
    private const int CmaEsPopulation = 20;

    /// <summary>The paper's comparison first, then its ablations.</summary>
    public static IReadOnlyList<NichesRow> All { get; } =
    [
        Niches("niches", "M2N2", true, options => options),
        Niches("ga", "genetic algorithm (exponent 0, no attraction)", true, options => options with
        {
            CompetitionExponent = 0,
            Attraction = false,
        }),
        new("map-elites", "MAP-Elites (accuracy on 0-4 and on 5-9)", true, problem => new MapElitesOptimizer(
            problem.Starts,
            new MapElitesOptions
            {
                Groups = [.. problem.Labels.Select(label => label < 5 ? 0 : 1)],
                Records = Records(problem),
                Variation = new Variation { MutationStepSize = problem.Mutation },
                Seed = problem.Seed,
            })),
        new("sep-cma-es", "separable CMA-ES", false, problem => new CmaEsOptimizer(problem.Starts[0], new CmaEsOptions
        {
            InitialStepSize = CmaEsStepSize,
            PopulationSize = CmaEsPopulation,
            Separable = true,
            Tolerances = CmaEsTolerances.None,
            Seed = problem.Seed,
        })),
        Niches("no-attraction", "M2N2 without attraction", true, options => options with { Attraction = false }),
        Niches("exponent-0", "M2N2 without competition (exponent 0)", true, options => options with { CompetitionExponent = 0 }),
        Niches("no-split", "M2N2 without split point", true, options => options with
        {
            Variation = options.Variation with { SplitPoint = false },
        }),
        Niches("no-crossover", "M2N2 without crossover", false, options => options with
        {
            Variation = options.Variation with { Crossover = false },
        }),
    ];

    private static NichesRow Niches(
        string key, string name, bool fromParents, Func<NaturalNichesOptions, NaturalNichesOptions> with) => new(
            key, name, fromParents, problem => new NaturalNichesOptimizer(problem.Starts, with(new NaturalNichesOptions
            {
                Records = Records(problem),
                Variation = new Variation { MutationStepSize = problem.Mutation },
                Seed = problem.Seed,
            })));

    private static int[] Records(NichesProblem problem) => [.. Enumerable.Range(0, problem.Labels.Count)];
}
