using System.Globalization;
using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Merging;

/// <summary>The size of an adapter, from its tensor file's header.</summary>
/// <param name="Ranks">Distinct ranks of its modules, rising.</param>
/// <param name="Modules">Number of adapted modules.</param>
/// <param name="Parameters">Numbers in the file: factors, DoRA's magnitudes, and copies of the base's embedding or head.</param>
/// <param name="FileBytes">Size of the tensor file.</param>
/// <param name="IsDora">It has magnitudes.</param>
/// <param name="Layers">Numbers of the layers that it adapts, rising.</param>
public sealed record AdapterHeader(
    string Name, IReadOnlyList<int> Ranks, int Modules, long Parameters, long FileBytes, bool IsDora, IReadOnlyList<int> Layers)
{
    /// <summary>Whether it adapts the embedding.</summary>
    public bool AdaptsEmbedding { get; private init; }

    /// <summary>Whether it adapts the head.</summary>
    public bool AdaptsHead { get; private init; }

    internal static AdapterHeader Read(string folder)
    {
        var path = AdapterReader.Files(folder)[^1];
        try
        {
            var tensors = (path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? OfGguf(path) : OfPeft(path)).ToList();
            var ranks = tensors.Select(RankOfA).OfType<int>().ToList();
            return new AdapterHeader(
                Path.GetFileName(folder),
                [.. ranks.Distinct().Order()],
                ranks.Count,
                tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, length) => product * length)),
                new FileInfo(path).Length,
                tensors.Any(tensor => tensor.Name.Contains(".lora_magnitude_vector", StringComparison.Ordinal)),
                [.. tensors.Select(tensor => LayerOf(path, tensor.Name)).OfType<int>().Distinct().Order()])
            {
                AdaptsEmbedding = Adapts(LlamaTensorLayout.EmbedTokensModule, "token_embd.weight"),
                AdaptsHead = Adapts(LlamaTensorLayout.LmHeadModule, "output.weight"),
            };

            // A module's last name, behind whatever wraps it, or its name in a GGUF file.
            bool Adapts(string module, string gguf) => tensors.Any(tensor =>
                tensor.Name.StartsWith($"{gguf}.lora_", StringComparison.Ordinal)
                || tensor.Name.Contains($"{module[(module.LastIndexOf('.') + 1)..]}.lora_", StringComparison.Ordinal));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{path}: cannot be read; each sub-folder of a pool is one PEFT or GGUF adapter.", exception);
        }
    }

    private static IEnumerable<(string Name, IReadOnlyList<int> Shape)> OfPeft(string path)
    {
        using var reader = SafetensorsReader.Open(path);
        return [.. reader.Entries.Values.Select(entry => (entry.Name, entry.Shape))];
    }

    private static IEnumerable<(string Name, IReadOnlyList<int> Shape)> OfGguf(string path) =>
        GgufReader.Open(path).Tensors.Values.Select(entry => (entry.Name, entry.Shape));

    /// <summary>The number that a PEFT or GGUF name holds between two dots; null without one.</summary>
    private static int? LayerOf(string path, string tensor)
    {
        if (ModuleGroups.Of(tensor).Layer is not { } layer) return null;
        return int.TryParse(layer.AsSpan(layer.LastIndexOf('.') + 1), CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new BadInputException($"{path}: tensor '{tensor}' is of a layer that no model has; save the adapter again.");
    }

    /// <summary>Null where the tensor is not the first factor of a module.</summary>
    private static int? RankOfA((string Name, IReadOnlyList<int> Shape) tensor) => tensor.Shape.Count != 2 ? null
        : tensor.Name == "token_embd.weight.lora_a" ? tensor.Shape[1]
        : tensor.Name.Contains(".lora_A.", StringComparison.Ordinal) || tensor.Name.Contains(".lora_embedding_A", StringComparison.Ordinal)
            || tensor.Name.EndsWith(".lora_a", StringComparison.Ordinal) ? tensor.Shape[0] : null;
}
