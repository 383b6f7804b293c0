using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Peft;

public static class PeftWriter
{
    /// <summary>
    /// Writes a folder that PEFT, vLLM, SGLang and llama.cpp's converter all read alike: scaling folded into LoraB, one rank for all modules by
    /// zero padding, <c>lora_alpha = r</c>, no patterns, no bias. Each file is written to a temporary name and renamed.
    /// </summary>
    public static void Write(string folder, PeftAdapter adapter, TensorType type) => throw new NotImplementedException();
}
