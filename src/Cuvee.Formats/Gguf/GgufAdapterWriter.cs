using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>A PEFT adapter as one file for llama.cpp's <c>--lora</c>.</summary>
public static class GgufAdapterWriter
{
    /// <summary>
    /// Scaling is folded into lora_b and alpha written as 0, which llama.cpp reads as scaling 1, so that rsLoRA and alpha patterns survive.
    /// The file is written to a temporary name and renamed.
    /// </summary>
    /// <param name="config">Of the base model.</param>
    /// <param name="format">Of both factors: F32, BF16 or F16.</param>
    /// <exception cref="BadInputException">llama.cpp cannot apply the adapter to this base, or a value is too large for the
    /// format.</exception>
    public static void Write(string path, PeftAdapter adapter, LlamaConfig config, StorageFormat format)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(config);
        var shapes = LlamaTensorLayout.Shapes(config);
        var tensors = new List<GgufTensor>();
        foreach (var module in adapter.Modules)
        {
            Check(path, module, config, shapes);
            var stem = GgufTensorNames.FromModule(module.Name)!;
            var (a, b) = Factors(module, GgufTensorNames.RowsOf(config, module.Name));
            tensors.Add(new GgufTensor(a with { Name = stem + GgufAdapterKeys.SuffixA }, format));
            tensors.Add(new GgufTensor(b with { Name = stem + GgufAdapterKeys.SuffixB }, format));
        }

        if (tensors.Count == 0) throw new BadInputException($"{path}: adapter '{adapter.Name}' has no modules; nothing was written.");
        var metadata = new GgufMetadata(path);
        metadata.Add(GgufKeys.Architecture, config.Family.GgufArchitecture);
        metadata.Add(GgufKeys.Type, GgufAdapterKeys.FileType);
        metadata.Add(GgufKeys.Name, adapter.Name);
        metadata.Add(GgufAdapterKeys.AdapterType, GgufAdapterKeys.Lora);
        metadata.Add(GgufAdapterKeys.Alpha, 0f);
        GgufWriter.Write(path, metadata, tensors);
    }

    private static void Check(string path, LoraModule module, LlamaConfig config, Dictionary<string, IReadOnlyList<int>> shapes)
    {
        if (config.TieWordEmbeddings && module.Name is LlamaTensorLayout.EmbedTokensModule or LlamaTensorLayout.LmHeadModule)
        {
            throw new BadInputException(
                $"{path}: the base model's head is tied to its embedding, and llama.cpp cannot adapt one of them ('{module.Name}'); " +
                "write --format folded and export that.");
        }

        if (GgufTensorNames.FromModule(module.Name) is null || !shapes.TryGetValue(module.Name + ".weight", out var shape))
        {
            throw new BadInputException(
                $"{path}: the adapter adapts module {module.Name}, which the base model does not have; use the base that it was trained " +
                "on.");
        }

        if (!shape.SequenceEqual([module.OutFeatures, module.InFeatures]))
        {
            throw new BadInputException(
                $"{path}: module {module.Name} is [{module.OutFeatures}, {module.InFeatures}] in the adapter but " +
                $"[{string.Join(", ", shape)}] in the base model; use the base that it was trained on.");
        }
    }

    /// <param name="rows">Row of LoraB for each row of lora_b; null: as they stand.</param>
    private static (TensorSource A, TensorSource B) Factors(LoraModule module, int[]? rows)
    {
        void FillB(int first, Memory<float> target)
        {
            var values = target.Span;
            for (var row = first; values.Length > 0; row++, values = values[module.Rank..])
            {
                module.LoraB.ReadRow(rows?[row] ?? row, values[..module.Rank]);
                foreach (ref var value in values[..module.Rank]) value *= module.Scaling;
            }
        }

        var b = new TensorSource("", [module.OutFeatures, module.Rank], FillB);
        // An embedding's update is looked up: lora_a [vocab, rank], lora_b [hidden, rank].
        return module.Name == LlamaTensorLayout.EmbedTokensModule
            ? (b, AsStored(module.LoraA.Transposed()))
            : (AsStored(module.LoraA), b);
    }

    private static TensorSource AsStored(StoredMatrix matrix) => new(
        "", [matrix.Rows, matrix.Columns], (first, rows) => matrix.ReadRows(first, rows.Length / matrix.Columns, rows.Span));
}
