using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Gguf;

/// <summary>llama.cpp's names of the tokenizers and pre-tokenizers that Cuvee knows.</summary>
internal static class GgufTokenizerKinds
{
    /// <summary>Value of <see cref="GgufKeys.Tokenizer"/>: byte-level BPE.</summary>
    public const string ByteLevel = "gpt2";

    /// <summary>Value of <see cref="GgufKeys.Tokenizer"/>: SentencePiece BPE by scores.</summary>
    public const string SentencePiece = "llama";

    /// <summary>Value of <see cref="GgufKeys.PreTokenizer"/> where the kind has none.</summary>
    public const string NoPreTokenizer = "default";

    /// <summary>By <see cref="GgufKeys.PreTokenizer"/>; the first of equal ones is what is written.</summary>
    public static IReadOnlyList<GgufPreTokenizer> PreTokenizers { get; } =
    [
        new(["gpt-2", "phi-2", "olmo", "mpt", "exaone4"], PretokenizationPattern.Gpt2Text),
        new(["llama-bpe", "llama3", "llama-v3"], PretokenizationPattern.Llama3Text, IgnoreMerges: true),
        new(["smaug-bpe", "dbrx"], PretokenizationPattern.Llama3Text),
        new(["qwen2", "deepseek-r1-qwen", "megrez"], PretokenizationPattern.QwenText, Composes: true),
        new(["smollm", "starcoder", "refact", "codeshell"], PretokenizationPattern.Gpt2Text, SingleDigits: true),
    ];

    /// <summary>The ids that begin and end texts, and whether every text gets them.</summary>
    public static void AddEnds(GgufMetadata metadata, LlamaConfig config, bool addsBegin, bool addsEnd)
    {
        metadata.Add(GgufKeys.AddBos, addsBegin);
        metadata.Add(GgufKeys.AddEos, addsEnd);
        if (config.BosTokenId is { } bos) metadata.Add(GgufKeys.Bos, (uint)bos);
        foreach (var (key, id) in ((string[])[GgufKeys.Eos, GgufKeys.EndOfTurn, GgufKeys.EndOfMessage]).Zip(config.EosTokenIds))
            metadata.Add(key, (uint)id);
    }
}

/// <param name="Names">Of llama.cpp.</param>
/// <param name="Pattern">Cuts the text.</param>
/// <param name="SingleDigits">Each digit is cut off before.</param>
/// <param name="IgnoreMerges">A piece that is a token is taken as it stands.</param>
/// <param name="Composes">Hugging Face's files of these models normalise to NFC, which llama.cpp leaves out.</param>
internal sealed record GgufPreTokenizer(
    IReadOnlyList<string> Names, string Pattern, bool SingleDigits = false, bool IgnoreMerges = false, bool Composes = false);

/// <summary>llama.cpp's numbers of what a token is.</summary>
internal enum GgufTokenType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
