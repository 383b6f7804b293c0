namespace Cuvee.Lab.Zoo;

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
