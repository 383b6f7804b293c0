using Cuvee.Configuration;

namespace Cuvee.Planning;

/// <summary>Population and sample of a search, fitted to its budget.</summary>
public sealed record SearchSizes(int PopulationSize, int SampleSize, IReadOnlyList<string> Notes)
{
    /// <summary>Start, best sample, distribution mean and best held-out point are measured again on all validation records.</summary>
    public const int Rechecks = 4;

    private const int DefaultSampleSize = 50;
    private const int SmallestDefaultSample = 8;
    private const int WantedIterations = 10; // what CMA-ES needs at least to turn anywhere
    private const int SmallestPopulation = 4;

    /// <param name="validation">All validation records.</param>
    /// <param name="searchable">Of these, not held out.</param>
    /// <exception cref="RunConfigurationException">The budget is below what one iteration and the re-evaluations cost.</exception>
    public static SearchSizes Fit(SearchSettings search, int adapters, int validation, int searchable, string file)
    {
        var smallestShare = search.Stages.Min(stage => (double)stage.Evaluations) / search.Stages.Sum(stage => (double)stage.Evaluations);
        var evaluations = (int?)(search.Budget.Evaluations * smallestShare);
        var queries = (long?)(search.Budget.Queries * smallestShare);
        var recheckQueries = Rechecks * validation;
        if (search.FisherProbing is { } probing)
        {
            var line = Math.Min(probing.LineSearchRecords, searchable);
            RequireBudget(evaluations, adapters + 5 + Rechecks, "evaluations", smallestShare, file);
            var round = ((adapters + 1L) * Math.Min(probing.ProbeRecords, searchable)) + (4L * line);
            RequireBudget(queries, round + recheckQueries, "queries", smallestShare, file);
            return new SearchSizes(search.PopulationSize, searchable, []);
        }

        var notes = new List<string>();
        RequireBudget(evaluations, SmallestPopulation + Rechecks, "evaluations", smallestShare, file);
        var population = Math.Min(search.PopulationSize, evaluations - Rechecks ?? int.MaxValue);
        if (population < search.PopulationSize)
        {
            notes.Add(
                $"population lowered from {search.PopulationSize} to {population}: " +
                "one generation and the re-evaluation must fit into the evaluations.");
        }

        RequireBudget(queries, population + (long)recheckQueries, "queries", smallestShare, file);
        var affordable = queries is { } limit ? (limit - recheckQueries) / population : int.MaxValue; // records, one generation
        var wanted = search.SampleSize ?? (queries is null
            ? DefaultSampleSize
            : (int)Math.Clamp(affordable / WantedIterations, SmallestDefaultSample, DefaultSampleSize));
        var sample = (int)Math.Min(Math.Min(wanted, searchable), affordable);
        if (sample < Math.Min(wanted, searchable))
            notes.Add($"sample lowered from {wanted} to {sample} records: the query budget holds no larger generation.");
        return new SearchSizes(population, sample, notes);
    }

    private static void RequireBudget(long? available, long needed, string key, double share, string file)
    {
        if (available < needed)
        {
            throw new RunConfigurationException(
                $"{file}: budget.{key} is too small for one iteration and the final re-evaluation; " +
                $"set it to at least {Math.Ceiling(needed / share)}.");
        }
    }
}
