using Cuvee.Formats.HuggingFace;

namespace Cuvee.Formats.Gguf;

/// <summary>A decoder's configuration as the metadata keys of its architecture, both ways.</summary>
internal static class GgufConfigKeys
{
    // Far above any model; keeps a hostile file from making endless lists.
    private const int MaxLayers = 10_000;

    private const string ContextLength = "context_length";
    private const string EmbeddingLength = "embedding_length";
    private const string BlockCount = "block_count";
    private const string FeedForwardLength = "feed_forward_length";
    private const string HeadCount = "attention.head_count";
    private const string KeyValueHeadCount = "attention.head_count_kv";
    private const string KeyLength = "attention.key_length";
    private const string ValueLength = "attention.value_length";
    private const string RmsNormEps = "attention.layer_norm_rms_epsilon";
    private const string RopeDimensions = "rope.dimension_count";
    private const string RopeTheta = "rope.freq_base";
    private const string ScalingType = "rope.scaling.type";
    private const string ScalingFactor = "rope.scaling.factor";
    private const string OriginalContext = "rope.scaling.original_context_length";

    private const double DefaultRopeTheta = 10000;
    private const int DefaultOriginalContext = 8192; // of every published model with llama3 scaling

    public static void Write(GgufMetadata metadata, LlamaConfig config)
    {
        var architecture = config.Family.GgufArchitecture;
        void Count(string key, int value) => metadata.Add($"{architecture}.{key}", (uint)value);
        void Number(string key, double value) => metadata.Add($"{architecture}.{key}", (float)value);
        // llama.cpp computes no sliding window here: up to the window's length that is the same.
        Count(ContextLength, Math.Min(config.MaxPositionEmbeddings, config.SlidingWindow ?? int.MaxValue));
        Count(EmbeddingLength, config.HiddenSize);
        Count(BlockCount, config.NumHiddenLayers);
        Count(FeedForwardLength, config.IntermediateSize);
        Count(HeadCount, config.NumAttentionHeads);
        Count(KeyValueHeadCount, config.NumKeyValueHeads);
        Count(KeyLength, config.HeadDim);
        Count(ValueLength, config.HeadDim);
        Number(RmsNormEps, config.RmsNormEps);
        Count(RopeDimensions, config.HeadDim);
        Number(RopeTheta, config.RopeTheta);
        Count("vocab_size", config.VocabSize);
        if (config.RopeScaling is LinearRopeScaling linear)
        {
            metadata.Add($"{architecture}.{ScalingType}", "linear");
            Number(ScalingFactor, linear.Factor);
        }
        else if (config.RopeScaling is Llama3RopeScaling llama3)
        {
            Count(OriginalContext, llama3.OriginalMaxPositionEmbeddings);
        }
    }

    public static LlamaConfig Read(GgufReader file)
    {
        var metadata = file.Metadata;
        var architecture = metadata.Text(GgufKeys.Architecture);
        if ((metadata.FindText(GgufKeys.Type) ?? "model") is not "model" and var type)
            throw metadata.Error(GgufKeys.Type, $"is \"{type}\"", "name a whole model here");
        var family = DecoderFamily.All.FirstOrDefault(each => each.GgufArchitecture == architecture) ?? throw metadata.Error(
            GgufKeys.Architecture, $"is \"{architecture}\"",
            $"Cuvee's engine computes {string.Join(", ", DecoderFamily.All.Select(each => each.GgufArchitecture).Distinct())}");
        string Key(string key) => $"{architecture}.{key}";
        int Count(string key) => metadata.Integer(Key(key), 1);
        if (metadata.FindInteger(Key("expert_count"), 0) > 0)
            throw metadata.Error(Key("expert_count"), "is set", "the engine computes no mixtures of experts");
        var (hidden, heads) = (Count(EmbeddingLength), Count(HeadCount));
        var keyValueHeads = metadata.FindInteger(Key(KeyValueHeadCount), 1) ?? heads;
        if (heads % keyValueHeads != 0) throw metadata.Error(Key(KeyValueHeadCount), $"is {keyValueHeads}, no divisor of {heads} heads");
        var headDim = metadata.FindInteger(Key(KeyLength), 1) ?? hidden / heads;
        foreach (var key in (ReadOnlySpan<string>)[ValueLength, RopeDimensions])
        {
            if (metadata.FindInteger(Key(key), 1) is { } other && other != headDim)
                throw metadata.Error(Key(key), $"is {other}, not the {headDim} of {KeyLength}", "the engine has one head length for all");
        }

        if (headDim % 2 != 0) throw metadata.Error(Key(KeyLength), $"is {headDim}; rotary embedding needs an even number");
        var embedding = file.Matrix(GgufTensorNames.FromTensor(LlamaTensorLayout.EmbedTokens));
        var theta = metadata.FindNumber(Key(RopeTheta)) ?? DefaultRopeTheta;
        if (theta <= 0) throw metadata.Error(Key(RopeTheta), $"is {theta}, not above 0");
        bool HasTensor(string name) => file.Tensors.ContainsKey(name);
        return new LlamaConfig
        {
            Family = family,
            HiddenSize = hidden,
            IntermediateSize = Count(FeedForwardLength),
            NumHiddenLayers = metadata.Integer(Key(BlockCount), 1, MaxLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            VocabSize = embedding.Rows,
            MaxPositionEmbeddings = Count(ContextLength),
            RmsNormEps = metadata.FindNumber(Key(RmsNormEps)) is > 0 and var eps ? eps
                : throw metadata.Error(Key(RmsNormEps), "is not above 0"),
            RopeTheta = theta,
            RopeScaling = ReadScaling(file, architecture, theta, headDim),
            AttentionBias = !family.HasQkvBias && HasTensor("blk.0.attn_q.bias"),
            MlpBias = HasTensor("blk.0.ffn_gate.bias"),
            TieWordEmbeddings = !HasTensor(GgufTensorNames.FromTensor(LlamaTensorLayout.LmHead)),
            BosTokenId = metadata.FindInteger(GgufKeys.Bos, 0, embedding.Rows - 1),
            EosTokenIds = ReadEosTokenIds(metadata, embedding.Rows),
        };
    }

    private static List<int> ReadEosTokenIds(GgufMetadata metadata, int vocabulary)
    {
        var ids = new List<int> { metadata.Integer(GgufKeys.Eos, 0, vocabulary - 1) };
        foreach (var key in (ReadOnlySpan<string>)[GgufKeys.EndOfTurn, GgufKeys.EndOfMessage])
        {
            if (metadata.FindInteger(key, 0, vocabulary - 1) is { } id && !ids.Contains(id)) ids.Add(id);
        }

        return ids;
    }

    private static RopeScaling? ReadScaling(GgufReader file, string architecture, double theta, int headDim)
    {
        var metadata = file.Metadata;
        var typeKey = $"{architecture}.{ScalingType}";
        var type = metadata.FindText(typeKey) ?? "linear";
        if (type is not ("none" or "linear")) throw metadata.Error(typeKey, $"is \"{type}\"",
            "the engine computes linear and llama3 scaling");
        if (file.Tensors.ContainsKey(GgufTensorNames.RopeFactors))
        {
            var factors = file.Matrix(GgufTensorNames.RopeFactors).ToSingles();
            var original = metadata.FindInteger($"{architecture}.{OriginalContext}", 1) ?? DefaultOriginalContext;
            return Llama3Factors.Fit(factors, theta, headDim, original) ?? throw new BadInputException(
                $"{file.Path}: tensor '{GgufTensorNames.RopeFactors}' holds factors that llama3 scaling does not give; use the Hugging " +
                "Face folder.");
        }

        var factor = metadata.FindNumber($"{architecture}.{ScalingFactor}")
            ?? metadata.FindNumber($"{architecture}.rope.scale_linear") ?? 1;
        if (factor <= 0) throw metadata.Error($"{architecture}.{ScalingFactor}", $"is {factor}, not above 0");
        return type == "none" || factor == 1 ? null : new LinearRopeScaling(factor);
    }
}
