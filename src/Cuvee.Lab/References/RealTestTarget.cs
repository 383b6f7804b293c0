using Cuvee.Lab.Data;

namespace Cuvee.Lab.References;

/// <summary>A held-out task on a real test set.</summary>
/// <param name="Exclude">Adapters that the search must do without; the first is the target's own specialist, the upper reference.</param>
internal sealed record RealTestTarget(LabTask Task, string DataSet, IReadOnlyList<string> Exclude)
{
    public string Name => $"{Task.ToString().ToLowerInvariant()}-{DataSet.Replace('_', '-')}";

    /// <summary>The two targets of bench/results/zoo-28.md.</summary>
    public static IReadOnlyList<RealTestTarget> All { get; } =
    [
        new(LabTask.Ner, "mit_restaurant", ["ner-mit-restaurant"]),
        new(LabTask.Et, "mit_movie", ["et-mit-movie"]),
    ];
}
