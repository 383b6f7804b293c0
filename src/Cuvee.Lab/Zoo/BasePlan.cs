using Cuvee.Formats.HuggingFace;

namespace Cuvee.Lab.Zoo;

/// <summary>The base model's shape and training.</summary>
public sealed class BasePlan
{
    public int HiddenSize { get; set; } = 192;

    public int IntermediateSize { get; set; } = 576;

    public int NumHiddenLayers { get; set; } = 6;

    public int NumAttentionHeads { get; set; } = 6;

    public int NumKeyValueHeads { get; set; } = 3;

    public int VocabSize { get; set; } = 4096;

    public int MaxPositionEmbeddings { get; set; } = 512;

    public int Steps { get; set; }

    public double LearningRate { get; set; } = 2e-3;

    public int WarmUpSteps { get; set; } = 200;

    public double WeightDecay { get; set; } = 0.1;

    /// <summary>Windows of plain text a step.</summary>
    public int PlainSequences { get; set; } = 6;

    /// <summary>Tokens of a plain-text window.</summary>
    public int PlainLength { get; set; } = 128;

    /// <summary>Labelled instructions a step.</summary>
    public int InstructionSequences { get; set; } = 12;

    /// <summary>Self-supervised copying tasks a step.</summary>
    public int CopySequences { get; set; } = 3;

    /// <summary>How often each labelled record is put: once as it is, the other times in varied words (<see
    /// cref="VariedInstructions"/>) where its data set has options.</summary>
    public int InstructionCopies { get; set; } = 1;

    /// <summary>Other words for labels of the general subset.</summary>
    public Dictionary<string, List<string>> LabelWords { get; set; } = [];

    /// <summary>The general subset whose labels the base may learn.</summary>
    public List<InstructionPlan> Instructions { get; set; } = [];

    internal LlamaConfig ToConfig() => new()
    {
        HiddenSize = HiddenSize,
        IntermediateSize = IntermediateSize,
        NumHiddenLayers = NumHiddenLayers,
        NumAttentionHeads = NumAttentionHeads,
        NumKeyValueHeads = NumKeyValueHeads,
        HeadDim = HiddenSize / NumAttentionHeads,
        VocabSize = VocabSize,
        MaxPositionEmbeddings = MaxPositionEmbeddings,
        TieWordEmbeddings = true,
        BosTokenId = 0,
        EosTokenIds = [1],
        TorchDtype = "bfloat16",
    };
}
