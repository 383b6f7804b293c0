using Cuvee.Formats;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Merging;

/// <summary>The size of an adapter, from its tensor file's header.</summary>
/// <param name="Ranks">Distinct ranks of its modules, rising.</param>
/// <param name="Modules">Number of adapted modules.</param>
/// <param name="Parameters">Numbers in all LoraA and LoraB.</param>
/// <param name="FileBytes">Size of the tensor file.</param>
public sealed record AdapterHeader(string Name, IReadOnlyList<int> Ranks, int Modules, long Parameters, long FileBytes)
{
    internal static AdapterHeader Read(string folder)
    {
        var path = Path.Combine(folder, "adapter_model.safetensors");
        try
        {
            using var reader = SafetensorsReader.Open(path);
            var loraA = reader.Entries.Values.Where(
                entry => entry.Name.EndsWith(".lora_A.weight", StringComparison.Ordinal) && entry.Shape.Count == 2).ToList();
            return new AdapterHeader(
                Path.GetFileName(folder),
                [.. loraA.Select(entry => entry.Shape[0]).Distinct().Order()],
                loraA.Count,
                reader.Entries.Values.Sum(entry => entry.Shape.Aggregate(1L, (product, length) => product * length)),
                new FileInfo(path).Length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{path}: cannot be read; each sub-folder of a pool is one PEFT adapter.", exception);
        }
    }
}
