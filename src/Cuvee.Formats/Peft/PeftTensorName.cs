namespace Cuvee.Formats.Peft;

internal enum LoraFactor
{
    A,
    B,

    /// <summary>[rank, vocab] of an embedding.</summary>
    EmbeddingA,

    /// <summary>[hidden, rank] of an embedding.</summary>
    EmbeddingB,

    /// <summary>DoRA's row norms, [out].</summary>
    Magnitude,

    /// <summary>A copy of the base's weight, which PEFT saves beside an adapted embedding or head.</summary>
    BaseLayer,
}

/// <summary>
/// <c>base_model.model.MODULE.lora_A.weight</c>, or with an adapter's name before <c>weight</c> as PEFT's own state dictionaries have it.
/// </summary>
/// <param name="Module">As the base model of a causal language model calls it, whatever trainers wrapped around it.</param>
internal readonly record struct PeftTensorName(string Module, LoraFactor Factor)
{
    public const string Prefix = "base_model.model.";

    private const string Weight = ".weight";

    private static readonly (LoraFactor Factor, string Marker, bool HasWeight)[] Markers =
    [
        (LoraFactor.A, ".lora_A", true),
        (LoraFactor.B, ".lora_B", true),
        (LoraFactor.EmbeddingA, ".lora_embedding_A", false),
        (LoraFactor.EmbeddingB, ".lora_embedding_B", false),
        (LoraFactor.Magnitude, ".lora_magnitude_vector", false),
    ];

    // Put around the decoder by PEFT, trl, the multimodal classes of transformers 5 and distributed or compiled training.
    private static readonly string[] Wrappers = ["base_model", "model", "module", "language_model", "pretrained_model"];
    private static readonly string[] Markings = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

    public string OnDisk => Prefix + Module + Markers.First(MarkerOf).Marker + (Markers.First(MarkerOf).HasWeight ? Weight : "");

    /// <summary>Null, with the reason, when the tensor is not a factor of a linear module or an embedding.</summary>
    /// <param name="path">The module as PEFT's patterns see it.</param>
    public static PeftTensorName? Parse(string name, out string path, out string problem)
    {
        (path, problem) = ("", Refusal(name));
        if (problem.Length > 0) return null;
        const string baseLayer = ".base_layer.weight";
        if (name.EndsWith(baseLayer, StringComparison.Ordinal))
        {
            path = WithoutPrefix(name[..^baseLayer.Length]);
            return new PeftTensorName(Canonical(path), LoraFactor.BaseLayer);
        }

        foreach (var (factor, marker, hasWeight) in Markers)
        {
            var at = name.LastIndexOf(marker, StringComparison.Ordinal);
            if (at <= 0) continue;

            // "", ".weight", ".default", ".default.weight"; what PEFT saves as a parameter has no ".weight" in some of its releases
            var tail = name.AsSpan(at + marker.Length);
            if (tail.EndsWith(Weight, StringComparison.Ordinal)) tail = tail[..^Weight.Length];
            else if (hasWeight) continue;
            if (tail.Length > 0 && (tail[0] != '.' || tail.Length == 1 || tail[1..].Contains('.'))) continue;
            path = WithoutPrefix(name[..at]);
            if (path.Length == 0) continue;
            return new PeftTensorName(Canonical(path), factor);
        }

        problem = $"does not match {Prefix}MODULE.lora_A.weight or .lora_B.weight; rename or remove it";
        return null;
    }

    private bool MarkerOf((LoraFactor Factor, string Marker, bool HasWeight) entry) => entry.Factor == Factor;

    private static string WithoutPrefix(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name == Prefix[..^1] ? "" : name;

    /// <summary>Only where everything in front of the decoder's own parts is a known wrapper; other names stay as they are.</summary>
    private static string Canonical(string path)
    {
        var parts = path.Split('.').Where(part => !Markings.Contains(part)).ToArray();
        var own = Array.FindIndex(parts, part => !Wrappers.Contains(part));
        return own < 0 ? path : parts[own..] switch
        {
            ["layers", ..] or ["embed_tokens"] => "model." + string.Join('.', parts[own..]),
            ["lm_head"] => "lm_head",
            _ => string.Join('.', parts),
        };
    }

    private static string Refusal(string name)
    {
        if (name.Contains(".lora_diag", StringComparison.Ordinal)) return "belongs to KaSA, which is not supported; train a plain LoRA";
        if (name.Contains(".base_layer.lora_", StringComparison.Ordinal))
            return "comes from target_parameters, which is not supported; target linear modules";
        if (name.EndsWith(".bias", StringComparison.Ordinal)) return "is a bias, which cannot be merged; train without it";
        if (!name.Contains(".lora_", StringComparison.Ordinal) && name.EndsWith(Weight, StringComparison.Ordinal)
            && !name.EndsWith(".base_layer.weight", StringComparison.Ordinal))
        {
            return "is a full copy of a module (modules_to_save or a resized embedding), which cannot be merged; leave the adapter out of " +
                "the pool, or train LoRA on that module instead (target_modules)";
        }

        return "";
    }
}
