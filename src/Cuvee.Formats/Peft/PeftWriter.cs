using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Peft;

public static class PeftWriter
{
    /// <summary>
    /// Writes a folder that PEFT, vLLM, SGLang and llama.cpp's converter all read alike: scaling folded into LoraB, one rank for all
    /// modules by zero padding, <c>lora_alpha = r</c>, no patterns, no bias. Each file is written to a temporary name and renamed.
    /// </summary>
    /// <param name="folder">Made when absent; its other files stay.</param>
    /// <param name="type">Of the stored factors.</param>
    /// <exception cref="BadInputException">The adapter has no modules, or a value is not finite or too large for
    /// <paramref name="type"/>.</exception>
    public static void Write(string folder, PeftAdapter adapter, TensorType type)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        if (adapter.Modules.Count == 0)
            throw new BadInputException($"{folder}: adapter '{adapter.Name}' has no modules; nothing was written.");
        if (adapter.Modules.FirstOrDefault(module => module.Magnitude is not null) is { } dora)
            throw new BadInputException($"{folder}: module '{dora.Name}' has DoRA's magnitudes, which a plain LoRA cannot hold; nothing " +
                "was written.");
        var rank = adapter.Modules.Max(module => module.Rank);
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(
            Path.Combine(folder, PeftReader.TensorFileName),
            adapter.Modules.SelectMany(module => Factors(module, rank)),
            type,
            new Dictionary<string, string> { ["format"] = "pt" });

        AtomicFile.WriteAllBytes(Path.Combine(folder, PeftReader.ConfigFileName), ConfigBytes(adapter, rank));
    }

    // Rows of zeros below LoraA, columns of zeros right of LoraB: the product is the same.
    private static IEnumerable<TensorSource> Factors(LoraModule module, int rank)
    {
        var (factorA, factorB) = (LoraFactor.A, LoraFactor.B);
        if (module.Name == LlamaTensorLayout.EmbedTokensModule)
        {
            (factorA, factorB) = (LoraFactor.EmbeddingA, LoraFactor.EmbeddingB);
            module = new LoraModule(module.Name, module.LoraB.Transposed(), module.LoraA.Transposed(), module.Scaling);
        }

        yield return new TensorSource(new PeftTensorName(module.Name, factorA).OnDisk, [rank, module.InFeatures], (firstRow, memory) =>
        {
            var rows = memory.Span;
            for (var row = firstRow; rows.Length > 0; row++, rows = rows[module.InFeatures..])
            {
                if (row < module.Rank) module.LoraA.ReadRow(row, rows);
                else rows[..module.InFeatures].Clear();
            }
        });
        yield return new TensorSource(new PeftTensorName(module.Name, factorB).OnDisk, [module.OutFeatures, rank], (firstRow, memory) =>
        {
            var rows = memory.Span;
            for (var row = firstRow; rows.Length > 0; row++, rows = rows[rank..])
            {
                module.LoraB.ReadRow(row, rows);
                rows[module.Rank..rank].Clear();
                foreach (ref var value in rows[..module.Rank]) value *= module.Scaling;
            }
        });
    }

    private static ReadOnlyMemory<byte> ConfigBytes(PeftAdapter adapter, int rank)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var options = new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            json.WriteStartObject("alpha_pattern");
            json.WriteEndObject();
            json.WriteString("base_model_name_or_path", adapter.Config.BaseModelNameOrPath);
            json.WriteString("bias", "none");
            json.WriteBoolean("fan_in_fan_out", adapter.Config.FanInFanOut);
            json.WriteBoolean("inference_mode", true);
            json.WriteBoolean("init_lora_weights", true);
            json.WriteNumber("lora_alpha", rank);
            json.WritePropertyName("lora_dropout");
            json.WriteRawValue("0.0");
            json.WriteNull("modules_to_save");
            json.WriteString("peft_type", "LORA");
            if (adapter.Config.PeftVersion is { } version) json.WriteString("peft_version", version);
            json.WriteNumber("r", rank);
            json.WriteStartObject("rank_pattern");
            json.WriteEndObject();
            json.WriteString("revision", adapter.Config.Revision);
            json.WriteStartArray("target_modules");
            var targets = adapter.Modules.Select(module => module.Name[(module.Name.LastIndexOf('.') + 1)..]).Distinct();
            foreach (var target in targets.Order(StringComparer.Ordinal)) json.WriteStringValue(target);
            json.WriteEndArray();
            json.WriteString("task_type", adapter.Config.TaskType);
            json.WriteBoolean("use_dora", false);
            json.WriteBoolean("use_rslora", false);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }
}
