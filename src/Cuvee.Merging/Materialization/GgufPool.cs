using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Merging.Materialization;

/// <summary>
/// A pool as files for llama.cpp's <c>--lora</c>, one an adapter and keep fraction: a server that holds them all merges by scales alone.
/// </summary>
public static class GgufPool
{
    /// <param name="fileName">Of an adapter and keep fraction, unique.</param>
    /// <param name="config">Of the base model.</param>
    /// <param name="keepFractions">Of each LoraA, in (0, 1]; 1 is the adapter as it is.</param>
    /// <exception cref="BadInputException">llama.cpp cannot apply an adapter to this base.</exception>
    public static void Write(
        string folder, AdapterPool pool, LlamaConfig config, IReadOnlyList<double> keepFractions, StorageFormat format,
        Func<string, double, string> fileName)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentNullException.ThrowIfNull(keepFractions);
        ArgumentNullException.ThrowIfNull(fileName);
        if (pool.Adapters.FirstOrDefault(adapter => adapter.Modules.Any(AdapterPool.IsDora)) is { } dora)
            throw new BadInputException($"Adapter '{dora.Name}' is DoRA, which llama.cpp cannot apply; leave it out.");
        var builder = new MergedAdapterBuilder(new RecipeMerger(pool));
        Directory.CreateDirectory(folder);
        foreach (var adapter in pool.Adapters)
        {
            foreach (var fraction in keepFractions)
            {
                var share = new AdapterShare(adapter.Name, 1, fraction);
                var written = fraction == 1
                    ? adapter
                    : builder.Build(new WeightedRecipe(MergeSpace.Delta, [share]), adapter.Name).Adapter;
                GgufAdapterWriter.Write(Path.Combine(folder, fileName(adapter.Name, fraction)), written, config, format);
            }
        }
    }
}
