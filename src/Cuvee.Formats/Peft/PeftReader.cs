using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Peft;

/// <summary>Adapters in PEFT's form, a folder of two files.</summary>
public static class PeftReader
{
    public const string ConfigFileName = "adapter_config.json";
    public const string TensorFileName = "adapter_model.safetensors";

    // Names listed in a message before it says "and N more".
    private const int ListedNames = 5;

    /// <summary>Reads <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> of <paramref name="folder"/>.</summary>
    /// <exception cref="BadInputException">The adapter is neither LoRA nor DoRA on whole modules (bias, modules_to_save ...), or a file is
    /// broken.</exception>
    public static PeftAdapter Read(string folder) => Read(folder, new PeftReaderOptions());

    /// <inheritdoc cref="Read(string)"/>
    public static PeftAdapter Read(string folder, PeftReaderOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!Directory.Exists(folder))
            throw new BadInputException($"{folder}: there is no such folder; name the folder of a PEFT adapter.");
        var configPath = Path.Combine(folder, ConfigFileName);
        if (!File.Exists(configPath))
            throw new BadInputException($"{configPath}: the file is missing; name the folder of a PEFT adapter.");
        var tensorPath = Path.Combine(folder, TensorFileName);
        if (!File.Exists(tensorPath))
        {
            throw new BadInputException(File.Exists(Path.Combine(folder, "adapter_model.bin"))
                ? $"{folder}: the adapter has adapter_model.bin only, a pickle that can run code; save it again with " +
                    "safe_serialization=True."
                : $"{tensorPath}: the file is missing; fetch the whole adapter.");
        }

        var config = PeftConfigFile.Read(configPath, options);
        using var tensors = SafetensorsReader.Open(tensorPath);
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return new PeftAdapter(name, config.Config, ReadModules(tensors, config, options));
    }

    private static LoraModule[] ReadModules(SafetensorsReader tensors, PeftConfigFile config, PeftReaderOptions options)
    {
        var factors = MatchNames(tensors);
        var modules = factors.Keys.Where(name => name.Factor != LoraFactor.BaseLayer).Select(name => name.Module).Distinct()
            .Order(StringComparer.Ordinal).ToArray();
        if (modules.Length == 0) throw new BadInputException($"{tensors.Path}: the file holds no LoRA tensors; use a trained adapter.");
        foreach (var (module, _) in factors.Keys.Where(name => name.Factor == LoraFactor.BaseLayer)) CheckCopy(tensors, module, options);
        var otherRanks = new List<string>();
        LoraModule[] read = [.. modules.Select(module =>
        {
            var isEmbedding = factors.ContainsKey(new PeftTensorName(module, LoraFactor.EmbeddingA))
                || factors.ContainsKey(new PeftTensorName(module, LoraFactor.EmbeddingB));
            (TensorEntry Entry, string Path) Factor(LoraFactor factor)
            {
                var name = new PeftTensorName(module, factor);
                return factors.TryGetValue(name, out var found)
                    ? found
                    : throw new BadInputException($"{tensors.Path}: tensor '{name.OnDisk}' is missing beside its partner; fetch or " +
                        "save the adapter again.");
            }

            var (a, path) = Factor(isEmbedding ? LoraFactor.EmbeddingA : LoraFactor.A);
            var b = Factor(isEmbedding ? LoraFactor.EmbeddingB : LoraFactor.B).Entry;
            var magnitude = factors.GetValueOrDefault(new PeftTensorName(module, LoraFactor.Magnitude)).Entry;
            return ReadModule(tensors, config, otherRanks, module, path, a, b, isEmbedding) with
            {
                Magnitude = ReadMagnitude(tensors, config, module, b, magnitude),
            };
        })];
        if (otherRanks.Count > 0)
        {
            var more = otherRanks.Count == 1 ? "" : $" (and {otherRanks.Count - 1} more differ)";
            options.Warn?.Invoke($"{tensors.Path}: {otherRanks[0]}{more}; the tensors' rank is used.");
        }

        return read;
    }

    /// <summary>PEFT saves the base's embedding and head beside a LoRA on them; LoRA leaves them as they were.</summary>
    private static void CheckCopy(SafetensorsReader tensors, string module, PeftReaderOptions options)
    {
        if (module is not (LlamaTensorLayout.EmbedTokensModule or LlamaTensorLayout.LmHeadModule))
        {
            throw new BadInputException(
                $"{tensors.Path}: module '{module}' has a weight of its own beside its factors, which cannot be merged; save the adapter " +
                "again.");
        }

        options.Warn?.Invoke(
            $"{tensors.Path}: the copy of the base's '{module}' is not used; if the vocabulary was changed in training, leave the " +
            "adapter out.");
    }

    private static float[]? ReadMagnitude(
        SafetensorsReader tensors, PeftConfigFile config, string module, TensorEntry b, TensorEntry? magnitude)
    {
        if (magnitude is null)
        {
            return config.UsesDora
                ? throw new BadInputException($"{tensors.Path}: module '{module}' has no lora_magnitude_vector, though the configuration " +
                    "says 'use_dora'; fetch or save the adapter again.")
                : null;
        }

        // PEFT has saved it as [out] and as [1, out]; of an embedding it would scale columns.
        if (magnitude.Shape.Count is 1 or 2 && magnitude.Count == b.Shape[0] && module != LlamaTensorLayout.EmbedTokensModule)
            return tensors.ReadSingles(magnitude.Name);
        throw new BadInputException(
            $"{tensors.Path}: tensor '{magnitude.Name}' has shape [{string.Join(", ", magnitude.Shape)}], not one number for each of " +
            $"{b.Shape[0]} rows; train DoRA on linear modules only.");
    }

    private static Dictionary<PeftTensorName, (TensorEntry Entry, string Path)> MatchNames(SafetensorsReader tensors)
    {
        var factors = new Dictionary<PeftTensorName, (TensorEntry Entry, string Path)>();
        var unmatched = new List<string>();
        var firstProblem = "";
        foreach (var entry in tensors.Entries.Values.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            if (PeftTensorName.Parse(entry.Name, out var path, out var problem) is not { } name)
            {
                if (unmatched.Count == 0) firstProblem = problem;
                unmatched.Add(entry.Name);
            }
            else if (!factors.TryAdd(name, (entry, path)))
            {
                throw new BadInputException(
                    $"{tensors.Path}: '{entry.Name}' and '{factors[name].Entry.Name}' are both factor {name.Factor} of one module; keep " +
                    "one adapter in the file.");
            }
        }

        if (unmatched.Count == 0) return factors;
        var others = unmatched.Skip(1).Take(ListedNames - 1).Select(name => $"'{name}'").ToList();
        if (unmatched.Count > ListedNames) others.Add($"{unmatched.Count - ListedNames} more");
        var also = others.Count == 0 ? "" : $" (unmatched too: {string.Join(", ", others)})";
        throw new BadInputException($"{tensors.Path}: tensor '{unmatched[0]}' {firstProblem}{also}.");
    }

    /// <param name="otherRanks">Gets a clause where the configuration says another rank.</param>
    /// <param name="path">The module as the configuration's patterns see it.</param>
    private static LoraModule ReadModule(
        SafetensorsReader tensors, PeftConfigFile config, List<string> otherRanks, string module, string path, TensorEntry a,
        TensorEntry b, bool isEmbedding)
    {
        foreach (var entry in (ReadOnlySpan<TensorEntry>)[a, b])
        {
            if (entry.Shape.Count != 2 || entry.Shape.Contains(0))
            {
                throw new BadInputException(
                    $"{tensors.Path}: tensor '{entry.Name}' has shape [{string.Join(", ", entry.Shape)}], not a filled matrix; adapt " +
                    "linear modules and embeddings only.");
            }
        }

        if (isEmbedding && module != LlamaTensorLayout.EmbedTokensModule)
        {
            throw new BadInputException(
                $"{tensors.Path}: tensor '{a.Name}' adapts an embedding other than {LlamaTensorLayout.EmbedTokensModule}, which is not " +
                "supported; leave the adapter out.");
        }

        var rank = a.Shape[0];
        if (b.Shape[1] != rank)
        {
            throw new BadInputException(
                $"{tensors.Path}: module '{module}' has lora_A [{string.Join(", ", a.Shape)}] and lora_B [{string.Join(", ", b.Shape)}], " +
                "whose ranks differ; save the adapter again.");
        }

        if (config.ConfiguredRank(path) is var configured && configured != rank)
            otherRanks.Add($"module '{module}' has rank {rank}, but the configuration says {configured}");
        var (loraA, loraB, scaling) = (tensors.Matrix(a.Name), tensors.Matrix(b.Name), config.Scaling(path, rank));
        // The update of an embedding [vocab, hidden] is the transpose of B A.
        return isEmbedding
            ? new LoraModule(module, loraB.Transposed(), loraA.Transposed(), scaling)
            : new LoraModule(module, loraA, loraB, scaling);
    }
}
