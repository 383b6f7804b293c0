namespace Cuvee.Merging.Inspection;

/// <summary>What belongs together in a pool, and what stands out.</summary>
internal static class PoolGroups
{
    /// <summary>Above this cosine two adapters are nearly the same update.</summary>
    public const double DuplicateCosine = 0.98;

    private const int FewestForOutliers = 5; // adapters
    private const double LeastOutlierRatio = 2; // to the median, either way
    private const double OutlierDeviations = 3.5; // robust standard deviations of log norms

    private static readonly char[] NameSeparators = ['-', '_', '.', ' ', '/'];

    public static IReadOnlyList<AdapterGroup> Find(
        IReadOnlyList<AdapterInspection> adapters, IReadOnlyList<IReadOnlyList<double>> cosine, double threshold)
    {
        var everywhere = CommonParts([.. adapters.Select(adapter => adapter.Name)]).ToHashSet(StringComparer.Ordinal);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var groups = new List<AdapterGroup>();
        foreach (var members in AverageLinkage.Cluster(cosine, threshold).Where(members => members.Count > 1)
            .OrderByDescending(members => members.Count))
        {
            var parts = CommonParts([.. members.Select(i => adapters[i].Name)]).Where(part => !everywhere.Contains(part)).ToList();
            var stem = parts.Count > 0 ? string.Join('-', parts) : $"group {groups.Count + 1}";
            var name = stem;
            for (var copy = 2; !taken.Add(name); copy++) name = $"{stem}, {copy}";
            var pairs = members.SelectMany((i, at) => members.Skip(at + 1).Select(j => cosine[i][j]));
            groups.Add(new AdapterGroup(name, members, pairs.Average()));
        }

        return groups;
    }

    public static IReadOnlyList<NearDuplicate> NearDuplicates(IReadOnlyList<IReadOnlyList<double>> cosine) =>
        [.. Enumerable.Range(0, cosine.Count)
            .SelectMany(i => Enumerable.Range(i + 1, cosine.Count - i - 1).Select(j => new NearDuplicate(i, j, cosine[i][j])))
            .Where(pair => pair.Cosine > DuplicateCosine).OrderByDescending(pair => pair.Cosine)];

    /// <summary>
    /// Log norms more than 3.5 robust standard deviations (1.4826 median absolute deviations) from the median and at least a factor of two;
    /// updates of zero are a problem of their own.
    /// </summary>
    public static IReadOnlyList<NormOutlier> Outliers(IReadOnlyList<AdapterInspection> adapters)
    {
        var norms = adapters.Select(adapter => adapter.DeltaNorm).Where(norm => norm > 0).Order().ToList();
        if (norms.Count < FewestForOutliers) return [];
        var median = NormRange.MedianOf(norms);
        double Distance(double norm) => Math.Abs(Math.Log(norm / median));
        var deviation = 1.4826 * NormRange.MedianOf([.. norms.Select(Distance).Order()]);
        var bound = Math.Max(Math.Log(LeastOutlierRatio), OutlierDeviations * deviation);
        return [.. adapters.Select((adapter, i) => (adapter.DeltaNorm, Position: i))
            .Where(each => each.DeltaNorm > 0 && Distance(each.DeltaNorm) > bound)
            .OrderByDescending(each => Distance(each.DeltaNorm))
            .Select(each => new NormOutlier(each.Position, each.DeltaNorm / median))];
    }

    /// <summary>Parts that every name has, in the order of the first.</summary>
    private static IReadOnlyList<string> CommonParts(IReadOnlyList<string> names)
    {
        static string[] Parts(string name) =>
            name.Split(NameSeparators, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return names.Count < 2
            ? []
            : [.. Parts(names[0]).Where(part => names.All(name => Parts(name).Contains(part, StringComparer.Ordinal)))];
    }
}
