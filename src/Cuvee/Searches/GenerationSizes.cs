using System.Globalization;
using Cuvee.Formats;

namespace Cuvee.Searches;

/// <summary>Population and sample of a search that works in generations on a common sample, fitted to its budget.</summary>
/// <param name="Notes">What was lowered, one sentence each.</param>
public sealed record GenerationSizes(int PopulationSize, int SampleSize, IReadOnlyList<string> Notes)
{
    /// <summary>Start, best sample, distribution mean and best held-out point are measured again on all validation records.</summary>
    public const int Rechecks = 4;

    /// <summary>Records below which a sample is not chosen, only obeyed.</summary>
    public const int SmallestDefaultSample = 8;

    private const int DefaultSampleSize = 50;
    private const int WantedIterations = 10; // what CMA-ES needs at least to turn anywhere
    private const int SmallestPopulation = 4;

    /// <param name="population">Wanted.</param>
    /// <param name="sample">Wanted; null fits it to the query budget.</param>
    /// <param name="smallestShare">Part of the budget of the stage that has least, in (0, 1].</param>
    /// <param name="key">The setting that <paramref name="population"/> is, for notes.</param>
    /// <param name="candidates">The settings that limit stages without a budget, as in <see cref="Stage.MaxEvaluations"/>.</param>
    /// <exception cref="BadInputException">The budget is below what one generation and the re-evaluations cost, or a setting of
    /// <paramref name="candidates"/> below one generation.</exception>
    public static GenerationSizes Fit(
        SearchTask task, int population, int? sample, double smallestShare, string key = "population",
        params IReadOnlyList<string> candidates)
    {
        var evaluations = (int?)(task.Budget.Evaluations * smallestShare);
        var queries = (long?)(task.Budget.Queries * smallestShare);
        var recheckQueries = (long)Rechecks * task.Records;
        var notes = new List<string>();
        RequireBudget(task, evaluations, SmallestPopulation + Rechecks, "evaluations", smallestShare);
        var fitted = Math.Min(population, evaluations - Rechecks ?? int.MaxValue);
        if (fitted < population)
        {
            notes.Add(
                $"{key} lowered from {population} to {fitted}: one generation and the re-evaluation must fit into the evaluations.");
        }

        foreach (var name in task.HasBudget ? [] : candidates)
        {
            var most = task.Settings.Values.Integer(name)!.Value;
            if (most < SmallestPopulation)
            {
                throw new BadInputException(
                    $"{task.File}: 'settings.{name}' is {most}, less than one generation; set it to at least {SmallestPopulation}.");
            }

            if (most >= fitted) continue;
            notes.Add($"{key} lowered from {fitted} to {most}: {name} must hold one generation.");
            fitted = most;
        }

        RequireBudget(task, queries, fitted + recheckQueries, "queries", smallestShare);
        var affordable = queries is { } limit ? (limit - recheckQueries) / fitted : int.MaxValue; // records, one generation
        var wanted = sample ?? (queries is null
            ? DefaultSampleSize
            : (int)Math.Clamp(affordable / WantedIterations, SmallestDefaultSample, DefaultSampleSize));
        var searchable = task.Split.Search.Count;
        var fittedSample = (int)Math.Min(Math.Min(wanted, searchable), affordable);
        if (fittedSample < Math.Min(wanted, searchable))
            notes.Add($"sample lowered from {wanted} to {fittedSample} records: the query budget holds no larger generation.");
        return new GenerationSizes(fitted, fittedSample, notes);
    }

    /// <param name="needed">Of the smallest stage.</param>
    /// <param name="work">What the least is before the re-evaluation.</param>
    public static void RequireBudget(
        SearchTask task, long? available, long needed, string key, double share = 1, string work = "one iteration")
    {
        if (available >= needed || available is null) return;
        if (key == "queries" && task.Allowance is { } allowance)
        {
            var least = (Math.Ceiling(needed / share) * allowance.PerQuery) + allowance.Before;
            throw new BadInputException(
                $"{task.File}: budget.{allowance.Key} is too small for finding the best single adapter, {work} and the final " +
                $"re-evaluation; set it to at least {Amount(allowance.Key, least)}.");
        }

        var total = key == "queries" ? task.Settings.Budget.Queries : task.Settings.Budget.Evaluations;
        var spentBefore = total - (key == "queries" ? task.Budget.Queries : task.Budget.Evaluations) ?? 0;
        var before = key == "queries" ? "finding the best single adapter, " : ""; // which takes no evaluation of the budget
        throw new BadInputException(
            $"{task.File}: budget.{key} is too small for {before}{work} and the final re-evaluation; " +
            $"set it to at least {Math.Ceiling(needed / share) + spentBefore}.");
    }

    /// <summary>Evaluations and queries of stages without a budget: candidates, held-out checks, re-evaluations.</summary>
    public (long Evaluations, long Queries) Forecast(SearchTask task, IReadOnlyList<int> candidates, int checkEvery)
    {
        var asked = candidates.Sum(stage => (long)stage / PopulationSize * PopulationSize);
        var checks = task.Split.HeldOut.Count == 0 ? 0 : 2 * asked / PopulationSize / checkEvery;
        var rechecks = (long)Rechecks * candidates.Count;
        return (asked + checks + rechecks, (asked * SampleSize) + (checks * task.Split.HeldOut.Count) + (rechecks * task.Records));
    }

    /// <summary>Money to three digits, what is counted to whole numbers; rounded up.</summary>
    private static string Amount(string key, double least)
    {
        var unit = key == "cost" ? (decimal)Math.Pow(10, Math.Floor(Math.Log10(least)) - 2) : 1;
        return (Math.Ceiling((decimal)least / unit) * unit).ToString("0.############", CultureInfo.InvariantCulture);
    }
}
