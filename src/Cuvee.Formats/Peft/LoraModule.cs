namespace Cuvee.Formats.Peft;

/// <summary>One adapted linear module: its update is <c>Scaling * LoraB * LoraA</c>, added to the base weight [out, in].</summary>
/// <param name="Name">Module path in the base model, such as <c>model.layers.3.self_attn.q_proj</c>.</param>
/// <param name="LoraA">[rank, in], row-major.</param>
/// <param name="LoraB">[out, rank], row-major.</param>
/// <param name="Scaling"><c>lora_alpha / r</c>, or <c>lora_alpha / sqrt(r)</c> for rsLoRA, patterns applied.</param>
public sealed record LoraModule(string Name, int InFeatures, int OutFeatures, int Rank, float[] LoraA, float[] LoraB, float Scaling);
