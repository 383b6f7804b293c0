using Cuvee.Events;
using Cuvee.Optimization;
using Cuvee.Searches;

namespace Cuvee.Runs;

/// <summary>Watches one stage and warns once of each kind; it never changes the search.</summary>
/// <param name="comparesGenerations">All are measured on the same records: of losses on other samples the lowest was the easiest
/// sample's.</param>
internal sealed class RunMonitor(string stage, ISearchSpace space, bool comparesGenerations)
{
    /// <summary>Part of a coordinate's range below which a generation counts as one point.</summary>
    private const double CollapsedSpread = 1e-4;
    private const int StagnantIterations = 12;
    private const double WorthwhileGain = 1e-3; // of the loss
    private const double BoundMargin = 0.01; // of a coordinate's range

    private readonly HashSet<WarningKind> warned = [];
    private readonly List<double> bestLosses = []; // by iteration

    /// <param name="bestGuess">The optimiser's first recommendation.</param>
    public IEnumerable<RunWarning> Observe(
        int iteration, IReadOnlyList<Trial> trials, IReadOnlyList<TrialEvaluation> evaluations, IReadOnlyList<double> bestGuess)
    {
        var losses = evaluations.Select(evaluation => evaluation.Loss).Where(double.IsFinite);
        bestLosses.Add(losses.DefaultIfEmpty(double.PositiveInfinity).Min());
        var warnings = new (WarningKind Kind, string? Message)[]
        {
            (WarningKind.NonFiniteLoss, NonFinite(evaluations)),
            (WarningKind.Collapse, Collapse(trials)),
            (WarningKind.Stagnation, trials.Any(trial => trial.Records is not null) ? null : Stagnation()),
            (WarningKind.AtBounds, AtBounds(bestGuess)),
        };
        return [.. warnings.Where(warning => warning.Message is not null && warned.Add(warning.Kind))
            .Select(warning => new RunWarning(stage, iteration, warning.Kind, warning.Message!))];
    }

    private static string? NonFinite(IReadOnlyList<TrialEvaluation> evaluations)
    {
        var count = evaluations.Count(evaluation => !double.IsFinite(evaluation.Loss));
        return count == 0 ? null : $"{count} of {evaluations.Count} candidates gave no finite loss; they count as worst.";
    }

    /// <summary>Largest standard deviation of a coordinate over the candidates of the common sample.</summary>
    private string? Collapse(IReadOnlyList<Trial> trials)
    {
        var points = trials.Where(trial => trial.Records is null).Select(trial => trial.Point).ToList();
        if (points.Count < 2) return null;
        var spread = Enumerable.Range(0, points[0].Length).Max(i =>
        {
            var mean = points.Average(point => point[i]);
            return Math.Sqrt(points.Average(point => (point[i] - mean) * (point[i] - mean))) / Range(i);
        });
        return spread >= CollapsedSpread
            ? null
            : $"the population has collapsed (largest spread {spread:0.#e+0} of a coordinate's range); " +
                "more generations will find nothing new.";
    }

    private string? Stagnation()
    {
        if (!comparesGenerations || bestLosses.Count <= StagnantIterations) return null;
        var before = bestLosses.SkipLast(StagnantIterations).Min();
        var since = bestLosses.TakeLast(StagnantIterations).Min();
        return since < before * (1 - WorthwhileGain)
            ? null
            : $"no better loss for {StagnantIterations} generations ({before:0.000}); a larger step_size may help.";
    }

    private string? AtBounds(IReadOnlyList<double> point)
    {
        var names = space.CoordinateNames.Where((_, i) => space.BoundsAreLimits(i) &&
            Math.Min(point[i] - space.Bounds.Lower[i], space.Bounds.Upper[i] - point[i]) < BoundMargin * Range(i)).ToList();
        return names.Count == 0
            ? null
            : $"{names.Count} of {point.Count} coordinates lie at their bounds: {string.Join(", ", names.Take(5))}.";
    }

    private double Range(int coordinate) => space.Bounds.Upper[coordinate] - space.Bounds.Lower[coordinate];
}
