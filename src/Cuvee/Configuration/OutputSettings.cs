using Cuvee.Formats.Safetensors;

namespace Cuvee.Configuration;

/// <summary>What is written when a run ends.</summary>
/// <param name="Rank">Largest rank of the adapter; null finds the smallest whose re-scored validation loss is within
/// <see cref="Tolerance"/> of the exact merge's.</param>
/// <param name="Type">Of the stored numbers.</param>
/// <param name="Format">Adapter or checkpoint; null: what the pool holds.</param>
public sealed record OutputSettings(int? Rank, TensorType Type, OutputFormat? Format)
{
    /// <summary>Relative loss of the written adapter that counts as none.</summary>
    public const double Tolerance = 0.005;

    public static OutputSettings Default { get; } = new(null, TensorType.BF16, null);

    private static readonly Dictionary<string, TensorType> Types = new(StringComparer.Ordinal)
    {
        ["bf16"] = TensorType.BF16,
        ["f16"] = TensorType.F16,
        ["f32"] = TensorType.F32,
    };

    private static readonly Dictionary<string, OutputFormat> Formats = new(StringComparer.Ordinal)
    {
        ["peft"] = OutputFormat.Peft,
        ["folded"] = OutputFormat.Folded,
    };

    internal static OutputSettings Read(YamlMapping mapping)
    {
        var settings = new OutputSettings(
            mapping.Integer("rank", 1, 65_536),
            mapping.Choice("dtype", Types) ?? Default.Type,
            mapping.Choice("format", Formats));
        mapping.ThrowIfUnknownKeys();
        if (settings is { Format: OutputFormat.Folded, Rank: not null })
            throw mapping.Error("rank", "'output.rank' bounds an adapter; leave it out with format: folded.");
        return settings;
    }
}

public enum OutputFormat
{
    /// <summary>One PEFT adapter.</summary>
    Peft,

    /// <summary>A checkpoint that needs no adapter, in <c>checkpoint/</c>.</summary>
    Folded,
}
