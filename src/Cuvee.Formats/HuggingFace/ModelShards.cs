using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.HuggingFace;

/// <summary>Weights in one safetensors file, or in numbered ones under an index as Hugging Face names them.</summary>
public static class ModelShards
{
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <summary>
    /// The file, or all shards and then the index. Of the folder's earlier weights, what a reader would take for these is deleted last.
    /// </summary>
    /// <param name="folder">Must exist.</param>
    /// <param name="tensors">Consecutive ones share a shard.</param>
    /// <param name="maxBytes">Of a shard's values; a larger tensor has one of its own.</param>
    public static void Write(string folder, IReadOnlyList<TensorSource> tensors, TensorType type, long maxBytes)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var single = Path.Combine(folder, HuggingFaceModelReader.WeightsFileName);
        var index = Path.Combine(folder, HuggingFaceModelReader.IndexFileName);
        var shards = Cut(tensors, type, maxBytes);
        if (shards.Count == 1)
        {
            SafetensorsWriter.Write(single, tensors, type, Metadata);
            File.Delete(index);
            return;
        }

        var names = Enumerable.Range(1, shards.Count).Select(i => $"model-{i:D5}-of-{shards.Count:D5}.safetensors").ToArray();
        foreach (var (name, shard) in names.Zip(shards)) SafetensorsWriter.Write(Path.Combine(folder, name), shard, type, Metadata);
        var places = names.Zip(shards).SelectMany(pair => pair.Second.Select(tensor => (tensor.Name, Shard: pair.First)));
        AtomicFile.WriteAllBytes(index, HuggingFaceModelWriter.Json(json =>
        {
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", tensors.Sum(tensor => Bytes(tensor, type)));
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach (var (name, shard) in places.OrderBy(place => place.Name, StringComparer.Ordinal)) json.WriteString(name, shard);
            json.WriteEndObject();
        }));
        File.Delete(single);
    }

    private static List<List<TensorSource>> Cut(IReadOnlyList<TensorSource> tensors, TensorType type, long maxBytes)
    {
        var shards = new List<List<TensorSource>> { new() };
        var filled = 0L;
        foreach (var tensor in tensors)
        {
            var bytes = Bytes(tensor, type);
            if (filled > 0 && filled > maxBytes - bytes)
            {
                shards.Add([]);
                filled = 0;
            }

            shards[^1].Add(tensor);
            filled += bytes;
        }

        return shards;
    }

    private static long Bytes(TensorSource tensor, TensorType type) =>
        tensor.Shape.Aggregate((long)tensor.TypeIn(type).ByteSize(), (bytes, dimension) => checked(bytes * dimension));
}
