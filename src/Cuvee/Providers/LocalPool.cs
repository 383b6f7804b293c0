using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Merging.Materialization;
using Cuvee.Merging.Methods;

namespace Cuvee.Providers;

/// <summary>
/// The pool of a provider that keeps weights elsewhere: adapters by name, or a folder of the same adapters, from which the merged adapter
/// is then written.
/// </summary>
/// <param name="file">The run file, for errors.</param>
internal sealed class LocalPool(PoolSelection selection, string file, MergeMethods methods)
{
    private IReadOnlyList<AdapterHeader>? headers;

    public bool HasWeights => selection.Path is not null;

    /// <summary>In ordinal order.</summary>
    /// <exception cref="BadInputException">An excluded name is not of the pool, or none is left.</exception>
    public IReadOnlyList<string> Names => selection.Names is { } names
        ? Remaining(names)
        : [.. Headers.Select(header => header.Name)];

    /// <summary>Groups that are layers, in the model's order; only where there are weights.</summary>
    public IReadOnlyList<string> Layers =>
        [.. Headers.SelectMany(header => header.Layers).Distinct().Order().Select(layer => $"layers.{layer}")];

    private IReadOnlyList<AdapterHeader> Headers => headers ??= AdapterPool.ReadHeaders(selection.Path!, selection.Exclude);

    private string[] Remaining(IReadOnlyList<string> names)
    {
        if (selection.Exclude.FirstOrDefault(name => !names.Contains(name, StringComparer.Ordinal)) is { } unknown)
            throw new BadInputException($"{file}: pool.exclude names '{unknown}', which pool.names lacks; correct or remove the name.");
        string[] left = [.. names.Except(selection.Exclude).Order(StringComparer.Ordinal)];
        return left.Length > 0 ? left : throw new BadInputException($"{file}: pool.names leaves no adapter; name some, or exclude fewer.");
    }

    /// <exception cref="BadInputException">The server lacks an adapter of the pool, or the pool holds DoRA adapters.</exception>
    public void Check(IReadOnlyList<string> served, string server)
    {
        if (Names.FirstOrDefault(name => !served.Contains(name, StringComparer.Ordinal)) is { } missing)
        {
            var (most, rest) = (string.Join(", ", served.Take(10)), served.Count > 10 ? $" and {served.Count - 10} more" : "");
            throw new BadInputException(
                $"{file}: {server} has no adapter '{missing}' (it has {(served.Count == 0 ? "none" : most + rest)}); start it with that " +
                "adapter, or exclude it.");
        }

        if (HasWeights && Headers.FirstOrDefault(header => header.IsDora) is { } dora)
            throw new BadInputException($"{file}: adapter '{dora.Name}' is DoRA, which {server} cannot serve; exclude it.");
    }

    /// <exception cref="BadInputException">The space cannot combine the adapters.</exception>
    public void RequireFactors(MergeSpace space)
    {
        if (space == MergeSpace.Factors) FactorSpace.Require(selection.Path!, Headers);
    }

    /// <param name="config">Of the base model; null where it is not known here.</param>
    /// <returns>No merger where there are no weights.</returns>
    public (RecipeMerger? Merger, IReadOnlyList<string> Doubts) Load(LlamaConfig? config) =>
        HasWeights && ReadPool.Of(selection, config) is var (adapters, doubts) ? (new RecipeMerger(adapters, methods), doubts) : (null, []);

    /// <summary>What writing the merged adapter takes, in bytes.</summary>
    public long MemoryBytes(LlamaConfig config) => HasWeights
        ? MergedAdapterBuilder.ForecastBytes(
            config.NumHiddenLayers * config.LinearModules.Sum(module => (long)module.InFeatures + module.OutFeatures),
            Headers.Sum(header => header.Ranks.DefaultIfEmpty(0).Max()))
        : 0;

    /// <summary>Adds the hashes of the pool's files, by role.</summary>
    public void AddIdentity(IDictionary<string, string> inputs)
    {
        if (!HasWeights)
        {
            inputs.Add("pool", string.Join(", ", Names));
            return;
        }

        foreach (var name in Names)
        {
            foreach (var part in AdapterReader.Files(Path.Combine(selection.Path!, name)))
                inputs.Add($"pool/{name}/{Path.GetFileName(part)}", FileHash.Sha256(part));
        }
    }
}
