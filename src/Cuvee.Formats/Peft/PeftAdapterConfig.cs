namespace Cuvee.Formats.Peft;

/// <summary>What Cuvee keeps of adapter_config.json; everything else is validated on reading and not needed afterwards.</summary>
public sealed record PeftAdapterConfig
{
    public required int Rank { get; init; }

    public required double LoraAlpha { get; init; }

    public bool UseRsLora { get; init; }

    public bool FanInFanOut { get; init; }

    public string? BaseModelNameOrPath { get; init; }

    public string? Revision { get; init; }

    public string? TaskType { get; init; }

    /// <summary>The PEFT release that wrote the file.</summary>
    public string? PeftVersion { get; init; }
}
