using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.HuggingFace;

public static class HuggingFaceModelWriter
{
    /// <summary>Writes config.json, generation_config.json and model.safetensors (temp + rename). tokenizer.json is the caller's.</summary>
    public static void Write(string folder, LlamaConfig config, IEnumerable<TensorData> weights, TensorType type) => throw new NotImplementedException();
}
