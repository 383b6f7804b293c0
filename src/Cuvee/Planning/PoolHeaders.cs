using Cuvee.Configuration;
using Cuvee.Merging;

namespace Cuvee.Planning;

/// <summary>Checks a pool by its file headers, without reading a weight.</summary>
internal static class PoolHeaders
{
    /// <returns>In ordinal order of name.</returns>
    /// <exception cref="AdapterPoolException">No such folder, empty, an unknown name in <c>pool.exclude</c>, or a broken file.</exception>
    /// <exception cref="RunConfigurationException">A file is missing, or factors space cannot combine the adapters.</exception>
    public static IReadOnlyList<AdapterHeader> Read(PoolSelection pool, MergeSpace space)
    {
        foreach (var folder in AdapterPool.AdapterFolders(pool.Path, pool.Exclude))
        {
            foreach (var name in (string[])["adapter_config.json", "adapter_model.safetensors"])
            {
                var path = Path.Combine(folder, name);
                if (!File.Exists(path))
                {
                    throw new RunConfigurationException(
                        $"{path}: missing; every sub-folder of the pool must be a PEFT adapter (or name it in pool.exclude).");
                }
            }
        }

        var headers = AdapterPool.ReadHeaders(pool.Path, pool.Exclude);
        if (space == MergeSpace.Factors)
        {
            foreach (var header in headers) RequireSame(pool, headers[0], header);
        }

        return headers;
    }

    private static void RequireSame(PoolSelection pool, AdapterHeader first, AdapterHeader header)
    {
        static string Ranks(AdapterHeader header) => string.Join(", ", header.Ranks);
        var difference = !first.Ranks.SequenceEqual(header.Ranks) ? $"rank {Ranks(header)} and '{first.Name}' rank {Ranks(first)}"
            : first.Modules != header.Modules ? $"{header.Modules} modules and '{first.Name}' {first.Modules}"
            : null;
        if (difference is not null)
        {
            throw new RunConfigurationException(
                $"{Path.Combine(pool.Path, header.Name)}: adapter '{header.Name}' has {difference}, which space 'factors' " +
                "cannot combine; set space: delta or exclude one.");
        }
    }
}
