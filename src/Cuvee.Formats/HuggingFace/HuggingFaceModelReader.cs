using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.HuggingFace;

public static class HuggingFaceModelReader
{
    /// <summary>Reads config.json and generation_config.json; refuses what the engine does not compute (rope_scaling, attention_bias ...) by key.</summary>
    public static LlamaConfig ReadConfig(string folder) => throw new NotImplementedException();

    /// <summary>All tensors of model.safetensors (or the shards of model.safetensors.index.json), checked against the config's shapes. Key: on-disk name.</summary>
    public static IReadOnlyDictionary<string, TensorData> ReadWeights(string folder, LlamaConfig config) => throw new NotImplementedException();
}
