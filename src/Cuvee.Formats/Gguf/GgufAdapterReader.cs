using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>A LoRA adapter of llama.cpp as one of PEFT: under Hugging Face's names and in its order of rows.</summary>
public static class GgufAdapterReader
{
    /// <param name="name">Of the adapter.</param>
    /// <param name="baseConfig">Gives the length of a head, by which Llama's architecture reorders rows; null where it is not
    /// known.</param>
    /// <exception cref="BadInputException">No LoRA adapter, a tensor without its partner or of another shape, or the base is needed and not
    /// known.</exception>
    public static PeftAdapter Read(string path, string name, LlamaConfig? baseConfig)
    {
        var file = GgufReader.Open(path);
        var metadata = file.Metadata;
        if (metadata.FindText(GgufKeys.Type) is not GgufAdapterKeys.FileType)
            throw metadata.Error(GgufKeys.Type, $"is not \"{GgufAdapterKeys.FileType}\"", "name a LoRA adapter here, not a whole model");
        if (metadata.FindText(GgufAdapterKeys.AdapterType) is not GgufAdapterKeys.Lora and var type)
            throw metadata.Error(GgufAdapterKeys.AdapterType, $"is \"{type}\"", "use a LoRA adapter");
        if (metadata.Has(GgufAdapterKeys.InvocationTokens))
        {
            throw metadata.Error(
                GgufAdapterKeys.InvocationTokens, "is set", "an activated LoRA applies to a part of the tokens only; train a plain LoRA");
        }

        var architecture = metadata.Text(GgufKeys.Architecture);
        if (DecoderFamily.All.All(family => family.GgufArchitecture != architecture))
            throw metadata.Error(GgufKeys.Architecture, $"is \"{architecture}\", whose tensors Cuvee has no names for", "use PEFT's files");
        if (baseConfig is not null && baseConfig.Family.GgufArchitecture != architecture)
        {
            throw metadata.Error(
                GgufKeys.Architecture, $"is \"{architecture}\", but the base model is \"{baseConfig.Family.GgufArchitecture}\"",
                "use the base that it was trained on");
        }

        var alpha = metadata.FindNumber(GgufAdapterKeys.Alpha) ?? 0;
        var modules = ReadModules(file, alpha, architecture, baseConfig);
        return new PeftAdapter(
            name, new PeftAdapterConfig { Rank = modules.Max(module => module.Rank), LoraAlpha = alpha, TaskType = "CAUSAL_LM" }, modules);
    }

    private static LoraModule[] ReadModules(GgufReader file, double alpha, string architecture, LlamaConfig? baseConfig)
    {
        var stems = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors.Keys)
        {
            var suffix = tensor.EndsWith(GgufAdapterKeys.SuffixA, StringComparison.Ordinal) ? GgufAdapterKeys.SuffixA
                : GgufAdapterKeys.SuffixB;
            if (!tensor.EndsWith(suffix, StringComparison.Ordinal) || GgufTensorNames.ToModule(tensor[..^suffix.Length]) is null)
                throw new BadInputException($"{file.Path}: tensor '{tensor}' is no factor of a module that Cuvee knows; leave it out.");
            stems.Add(tensor[..^suffix.Length]);
        }

        if (stems.Count == 0) throw new BadInputException($"{file.Path}: the file holds no LoRA tensors; use a trained adapter.");
        return [.. stems.Select(stem => ReadModule(file, stem, alpha, architecture, baseConfig))
            .OrderBy(module => module.Name, StringComparer.Ordinal)];
    }

    private static LoraModule ReadModule(GgufReader file, string stem, double alpha, string architecture, LlamaConfig? baseConfig)
    {
        var (a, b) = (Factor(file, stem + GgufAdapterKeys.SuffixA), Factor(file, stem + GgufAdapterKeys.SuffixB));
        var module = GgufTensorNames.ToModule(stem)!;
        // An embedding's update is looked up: lora_a [vocab, rank], lora_b [hidden, rank].
        if (module == LlamaTensorLayout.EmbedTokensModule) (a, b) = (b.Transposed(), a);
        var rank = a.Rows;
        if (b.Columns != rank)
        {
            throw new BadInputException(
                $"{file.Path}: '{stem}' has lora_a [{rank}, {a.Columns}] and lora_b [{b.Rows}, {b.Columns}], whose ranks differ; convert " +
                "the adapter again.");
        }

        var scaling = alpha == 0 ? 1 : (float)(alpha / rank);
        if (!float.IsFinite(scaling)) throw file.Metadata.Error(GgufAdapterKeys.Alpha, $"gives '{stem}' a scaling outside fp32");
        return new LoraModule(module, a, architecture == "llama" ? InOrder(file, module, b, baseConfig) : b, scaling);
    }

    private static StoredMatrix InOrder(GgufReader file, string module, StoredMatrix b, LlamaConfig? baseConfig)
    {
        if (!GgufTensorNames.IsInterleaved(module)) return b;
        if (baseConfig is null)
        {
            throw new BadInputException(
                $"{file.Path}: llama.cpp keeps the rows of '{module}' in another order, and the base model's head length is needed to " +
                "put them back; give --model.");
        }

        if (GgufTensorNames.RowsOf(baseConfig, module) is { } rows && rows.Length == b.Rows) return b.Gather(GgufTensorNames.Invert(rows));
        throw new BadInputException(
            $"{file.Path}: module '{module}' has {b.Rows} rows, which the base model's does not have; use the base that it was trained " +
            "on.");
    }

    private static StoredMatrix Factor(GgufReader file, string name)
    {
        if (!file.Tensors.TryGetValue(name, out var entry))
            throw new BadInputException($"{file.Path}: tensor '{name}' is missing beside its partner; convert the adapter again.");
        if (entry.Shape.Count != 2)
            throw new BadInputException($"{file.Path}: tensor '{name}' has {entry.Shape.Count} dimensions, not 2; adapt linear modules " +
                "only.");
        var matrix = file.Matrix(name);
        return matrix.IndexOfNotFinite() is >= 0 and var index
            ? throw new BadInputException($"{file.Path}: tensor '{name}' holds NaN or infinity at index {index}; train or fetch it again.")
            : matrix;
    }
}
