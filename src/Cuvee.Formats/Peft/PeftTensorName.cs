namespace Cuvee.Formats.Peft;

internal enum LoraFactor
{
    A,
    B,
}

/// <summary>
/// <c>base_model.model.MODULE.lora_A.weight</c>, or with an adapter's name before <c>weight</c> as PEFT's own state dictionaries have it.
/// </summary>
internal readonly record struct PeftTensorName(string Module, LoraFactor Factor)
{
    public const string Prefix = "base_model.model.";

    private const string Weight = ".weight";

    public string OnDisk => $"{Prefix}{Module}.lora_{Factor}{Weight}";

    /// <summary>Null, with the reason, when the tensor is not a factor of a linear module.</summary>
    public static PeftTensorName? Parse(string name, out string problem)
    {
        problem = Refusal(name);
        if (problem.Length > 0) return null;
        foreach (var factor in (ReadOnlySpan<LoraFactor>)[LoraFactor.A, LoraFactor.B])
        {
            var marker = $".lora_{factor}.";
            var at = name.LastIndexOf(marker, StringComparison.Ordinal);
            if (!name.StartsWith(Prefix, StringComparison.Ordinal) || at <= Prefix.Length) continue;

            // "weight" or "default.weight"
            var tail = name.AsSpan(at + marker.Length - 1);
            if (!tail.EndsWith(Weight, StringComparison.Ordinal)) continue;
            if (tail[..^Weight.Length].LastIndexOf('.') > 0 || tail.StartsWith("..")) continue;
            return new PeftTensorName(name[Prefix.Length..at], factor);
        }

        problem = $"does not match {Prefix}MODULE.lora_A.weight or .lora_B.weight; rename or remove it";
        return null;
    }

    private static string Refusal(string name)
    {
        if (name.Contains(".lora_magnitude_vector", StringComparison.Ordinal))
            return "belongs to DoRA, which cannot be merged; train without it";
        if (name.Contains(".lora_embedding_", StringComparison.Ordinal))
            return "adapts an embedding, which is not supported; target linear modules";
        if (name.Contains(".lora_diag", StringComparison.Ordinal)) return "belongs to KaSA, which is not supported; train a plain LoRA";
        if (name.Contains(".base_layer.lora_", StringComparison.Ordinal))
            return "comes from target_parameters, which is not supported; target linear modules";
        if (name.EndsWith(".bias", StringComparison.Ordinal)) return "is a bias, which cannot be merged; train without it";
        if (!name.Contains(".lora_", StringComparison.Ordinal) && name.EndsWith(Weight, StringComparison.Ordinal))
            return "is a full copy of a module (modules_to_save or a resized embedding), which cannot be merged; train without it";
        return "";
    }
}
