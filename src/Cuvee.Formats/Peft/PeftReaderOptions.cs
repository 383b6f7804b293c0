using Cuvee.Formats.HuggingFace;

namespace Cuvee.Formats.Peft;

public sealed record PeftReaderOptions
{
    /// <summary>
    /// The base model, where it is known: GGUF adapters of Llama's architecture need its head length. Default null.
    /// </summary>
    public LlamaConfig? Base { get; init; }

    /// <summary>
    /// Receives one sentence for each thing accepted with a doubt (an unknown configuration key, a rank other than configured). Default:
    /// nobody.
    /// </summary>
    public Action<string>? Warn { get; init; }
}
