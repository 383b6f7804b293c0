namespace Cuvee.Formats.Gguf;

/// <summary>What marks a GGUF file as a LoRA adapter.</summary>
internal static class GgufAdapterKeys
{
    public const string FileType = "adapter"; // value of general.type
    public const string AdapterType = "adapter.type";
    public const string Lora = "lora"; // value of adapter.type
    public const string Alpha = "adapter.lora.alpha";
    public const string InvocationTokens = "adapter.alora.invocation_tokens";
    public const string SuffixA = ".weight.lora_a";
    public const string SuffixB = ".weight.lora_b";
}
