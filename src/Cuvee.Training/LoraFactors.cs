namespace Cuvee.Training;

/// <summary>Trainable factors of one linear module: its update is <c>Scaling * LoraB * LoraA</c>.</summary>
/// <param name="Name">Module path in the base model.</param>
/// <param name="LoraA">[rank, in], written by training.</param>
/// <param name="LoraB">[out, rank], written by training.</param>
public sealed record LoraFactors(string Name, int InFeatures, int OutFeatures, int Rank, float[] LoraA, float[] LoraB, float Scaling);
