using Cuvee.Numerics;

namespace Cuvee.Formats.Peft;

/// <summary>
/// One adapted linear module, or the embedding [vocab, hidden]: its update is <c>Scaling * LoraB * LoraA</c>, added to the base weight
/// [out, in].
/// </summary>
/// <param name="Name">Module path in the base model, such as <c>model.layers.3.self_attn.q_proj</c>.</param>
/// <param name="LoraA">[rank, in]</param>
/// <param name="LoraB">[out, rank]</param>
/// <param name="Scaling"><c>lora_alpha / r</c>, or <c>lora_alpha / sqrt(r)</c> for rsLoRA, patterns applied.</param>
public sealed record LoraModule(string Name, StoredMatrix LoraA, StoredMatrix LoraB, float Scaling)
{
    /// <param name="loraA">[rank, in], row-major; not copied.</param>
    /// <param name="loraB">[out, rank], row-major; not copied.</param>
    public LoraModule(string name, int inFeatures, int outFeatures, int rank, float[] loraA, float[] loraB, float scaling)
        : this(name, StoredMatrix.Over(rank, inFeatures, loraA), StoredMatrix.Over(outFeatures, rank, loraB), scaling)
    {
    }

    /// <summary>
    /// [out] row norms of DoRA (arXiv 2402.09353): the adapted weight is W + update with each row scaled to this norm. Null for plain LoRA.
    /// </summary>
    public float[]? Magnitude { get; init; }

    /// <summary>
    /// [out] factors of the base's rows, which stand for <see cref="Magnitude"/> once the base is known: the update is then
    /// <c>Scaling * LoraB * LoraA + diag(RowFactors - 1) * W</c>. Null: all 1.
    /// </summary>
    public float[]? RowFactors { get; init; }

    public int InFeatures => LoraA.Columns;

    public int OutFeatures => LoraB.Rows;

    public int Rank => LoraA.Rows;
}
