using Cuvee.Formats.HuggingFace;

namespace Cuvee.Lab.RandomModels;

/// <summary>Published shapes: the numbers of the checkpoints' own config.json; token ids are those of our tokenizer.</summary>
internal static class ModelShapes
{
    private const int BeginOfText = 0, EndOfText = 1; // of BpeTrainer

    public static IReadOnlyDictionary<string, LlamaConfig> All { get; } = new SortedDictionary<string, LlamaConfig>(StringComparer.Ordinal)
    {
        // For tests and first tries, and the shape of cuvee bench candidate; not published.
        ["candidate"] = Llama(256, 704, 6, 4, 4, 4096, 512, 10_000, tied: true),
        ["tiny"] = Llama(64, 160, 2, 4, 2, 1024, 512, 10_000, tied: true),
        ["smollm2-135m"] = Llama(576, 1536, 30, 9, 3, 49_152, 8192, 100_000, tied: true),
        ["smollm2-360m"] = Llama(960, 2560, 32, 15, 5, 49_152, 8192, 100_000, tied: true),
        ["smollm2-1.7b"] = Llama(2048, 8192, 24, 32, 32, 49_152, 8192, 130_000, tied: true),
        ["tinyllama-1.1b"] = Llama(2048, 5632, 22, 32, 4, 32_000, 2048, 10_000, tied: false),
        ["llama-3.2-1b"] = Llama(2048, 8192, 16, 32, 8, 128_256, 131_072, 500_000, tied: true) with
        {
            RopeScaling = new Llama3RopeScaling(32, 1, 4, 8192),
        },
        ["llama-3.2-3b"] = Llama(3072, 8192, 28, 24, 8, 128_256, 131_072, 500_000, tied: true) with
        {
            RopeScaling = new Llama3RopeScaling(32, 1, 4, 8192),
        },
        ["llama-7b"] = Llama(4096, 11_008, 32, 32, 32, 32_000, 4096, 10_000, tied: false), // Llama 2
        ["llama-3.1-8b"] = Llama(4096, 14_336, 32, 32, 8, 128_256, 131_072, 500_000, tied: false) with
        {
            RopeScaling = new Llama3RopeScaling(8, 1, 4, 8192),
        },
        ["mistral-7b"] = Llama(4096, 14_336, 32, 32, 8, 32_000, 32_768, 10_000, tied: false) with
        {
            Family = DecoderFamily.Mistral,
            SlidingWindow = 4096,
        },
        ["qwen2.5-0.5b"] = Qwen2(896, 4864, 24, 14, 2, 151_936, tied: true),
        ["qwen2.5-1.5b"] = Qwen2(1536, 8960, 28, 12, 2, 151_936, tied: true),
        ["qwen2.5-7b"] = Qwen2(3584, 18_944, 28, 28, 4, 152_064, tied: false),
        ["qwen3-0.6b"] = Qwen2(1024, 3072, 28, 16, 8, 151_936, tied: true) with
        {
            Family = DecoderFamily.Qwen3,
            HeadDim = 128,
            MaxPositionEmbeddings = 40_960,
        },
    };

    private static LlamaConfig Llama(
        int hidden, int intermediate, int layers, int heads, int keyValueHeads, int vocabulary, int context, double theta,
        bool tied) => new()
        {
            HiddenSize = hidden,
            IntermediateSize = intermediate,
            NumHiddenLayers = layers,
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyValueHeads,
            HeadDim = hidden / heads,
            VocabSize = vocabulary,
            MaxPositionEmbeddings = context,
            RopeTheta = theta,
            TieWordEmbeddings = tied,
            BosTokenId = BeginOfText,
            EosTokenIds = [EndOfText],
        };

    private static LlamaConfig Qwen2(
        int hidden, int intermediate, int layers, int heads, int keyValueHeads, int vocabulary, bool tied) =>
        Llama(hidden, intermediate, layers, heads, keyValueHeads, vocabulary, 32_768, 1_000_000, tied) with
        {
            Family = DecoderFamily.Qwen2,
            RmsNormEps = 1e-6,
        };
}
