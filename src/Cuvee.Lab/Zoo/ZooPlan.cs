using Cuvee.Formats.HuggingFace;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Cuvee.Lab.Zoo;

/// <summary>zoo.yaml: everything that decides the zoo's bytes besides the data and this program. Keys in snake_case; an unknown key is an error.</summary>
public sealed class ZooPlan
{
    public ulong Seed { get; set; }

    public BasePlan Base { get; set; } = new();

    public SpecialistSettings SpecialistDefaults { get; set; } = new();

    public List<SpecialistPlan> Specialists { get; set; } = [];

    /// <exception cref="ZooException">The file is not a plan; names the line.</exception>
    public static ZooPlan Read(string path)
    {
        try
        {
            var deserializer = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build();
            var plan = deserializer.Deserialize<ZooPlan>(File.ReadAllText(path)) ?? throw new ZooException($"{path}: the file is empty.");
            var twin = plan.Specialists.GroupBy(s => s.Name).FirstOrDefault(g => g.Count() > 1);
            if (twin is not null) throw new ZooException($"{path}: two specialists are named {twin.Key}; remove one.");
            return plan;
        }
        catch (YamlDotNet.Core.YamlException exception)
        {
            var reason = exception.InnerException?.Message ?? exception.Message;
            throw new ZooException($"{path}, line {exception.Start.Line}: {reason}", exception);
        }
        catch (IOException exception)
        {
            throw new ZooException($"{path}: cannot be read: {exception.Message}", exception);
        }
    }
}

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

/// <summary>Labelled records of one data set that the base model is trained on.</summary>
public sealed class InstructionPlan
{
    public string Dataset { get; set; } = "";

    public List<string> Tasks { get; set; } = [];

    /// <summary>At most this many records a task; absent: all.</summary>
    public int? Limit { get; set; }
}

/// <summary>LoRA and its training; a specialist may override any of it.</summary>
public sealed class SpecialistSettings
{
    public int Rank { get; set; } = 8;

    public double LoraAlpha { get; set; } = 16;

    public int Steps { get; set; } = 500;

    public int BatchSize { get; set; } = 12;

    public double LearningRate { get; set; } = 3e-3;

    public int WarmUpSteps { get; set; } = 20;

    public double WeightDecay { get; set; }
}

/// <summary>One adapter: a task of a data set.</summary>
public sealed class SpecialistPlan
{
    public string Task { get; set; } = "";

    public string Dataset { get; set; } = "";

    /// <summary>Steps, when not the default.</summary>
    public int? Steps { get; set; }

    [YamlIgnore]
    public string Name => $"{Task}-{Dataset.Replace('_', '-')}";
}
