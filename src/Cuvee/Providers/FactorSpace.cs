using Cuvee.Formats;

namespace Cuvee.Providers;

/// <summary>What space <c>factors</c> asks of a pool: factors are added, so their shapes must be the same.</summary>
internal static class FactorSpace
{
    /// <param name="pool">Its folder, for errors.</param>
    /// <exception cref="BadInputException">Two adapters differ in ranks or modules.</exception>
    public static void Require(string pool, IReadOnlyList<AdapterHeader> headers)
    {
        foreach (var header in headers) RequireSame(pool, headers[0], header);
    }

    private static void RequireSame(string pool, AdapterHeader first, AdapterHeader header)
    {
        static string Ranks(AdapterHeader header) => string.Join(", ", header.Ranks);
        var difference = !first.Ranks.SequenceEqual(header.Ranks) ? $"rank {Ranks(header)} and '{first.Name}' rank {Ranks(first)}"
            : first.Modules != header.Modules ? $"{header.Modules} modules and '{first.Name}' {first.Modules}"
            : null;
        if (difference is not null)
        {
            throw new BadInputException(
                $"{Path.Combine(pool, header.Name)}: adapter '{header.Name}' has {difference}, which space 'factors' " +
                "cannot combine; set space: delta or exclude one.");
        }
    }
}
