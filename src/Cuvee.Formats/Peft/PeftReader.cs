using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Peft;

public static class PeftReader
{
    internal const string TensorFileName = "adapter_model.safetensors";

    // Names listed in a message before it says "and N more".
    private const int ListedNames = 5;

    /// <summary>Reads <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> of <paramref name="folder"/>.</summary>
    /// <exception cref="BadInputException">The adapter is not a plain LoRA (DoRA, bias, modules_to_save ...) or a file is
    /// broken.</exception>
    public static PeftAdapter Read(string folder) => Read(folder, new PeftReaderOptions());

    /// <inheritdoc cref="Read(string)"/>
    public static PeftAdapter Read(string folder, PeftReaderOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!Directory.Exists(folder))
            throw new BadInputException($"{folder}: there is no such folder; name the folder of a PEFT adapter.");
        var configPath = Path.Combine(folder, PeftConfigFile.FileName);
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
        var modules = factors.Keys.Select(factor => factor.Module).Distinct().Order(StringComparer.Ordinal).ToArray();
        if (modules.Length == 0) throw new BadInputException($"{tensors.Path}: the file holds no LoRA tensors; use a trained adapter.");
        return [.. modules.Select(module =>
        {
            TensorEntry Factor(LoraFactor factor)
            {
                var name = new PeftTensorName(module, factor);
                return factors.TryGetValue(name, out var entry)
                    ? entry
                    : throw new BadInputException($"{tensors.Path}: tensor '{name.OnDisk}' is missing beside its partner; fetch or " +
                        "save the adapter again.");
            }

            return ReadModule(tensors, config, options, module, Factor(LoraFactor.A), Factor(LoraFactor.B));
        })];
    }

    private static Dictionary<PeftTensorName, TensorEntry> MatchNames(SafetensorsReader tensors)
    {
        var factors = new Dictionary<PeftTensorName, TensorEntry>();
        var unmatched = new List<string>();
        var firstProblem = "";
        foreach (var entry in tensors.Entries.Values.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            if (PeftTensorName.Parse(entry.Name, out var problem) is not { } name)
            {
                if (unmatched.Count == 0) firstProblem = problem;
                unmatched.Add(entry.Name);
            }
            else if (!factors.TryAdd(name, entry))
            {
                throw new BadInputException(
                    $"{tensors.Path}: '{entry.Name}' and '{factors[name].Name}' are both factor {name.Factor} of one module; keep one " +
                    "adapter in the file.");
            }
        }

        if (unmatched.Count == 0) return factors;
        var others = unmatched.Skip(1).Take(ListedNames - 1).Select(name => $"'{name}'").ToList();
        if (unmatched.Count > ListedNames) others.Add($"{unmatched.Count - ListedNames} more");
        var also = others.Count == 0 ? "" : $" (unmatched too: {string.Join(", ", others)})";
        throw new BadInputException($"{tensors.Path}: tensor '{unmatched[0]}' {firstProblem}{also}.");
    }

    private static LoraModule ReadModule(
        SafetensorsReader tensors, PeftConfigFile config, PeftReaderOptions options, string module, TensorEntry a, TensorEntry b)
    {
        foreach (var entry in (ReadOnlySpan<TensorEntry>)[a, b])
        {
            if (entry.Shape.Count != 2 || entry.Shape.Contains(0))
            {
                throw new BadInputException(
                    $"{tensors.Path}: tensor '{entry.Name}' has shape [{string.Join(", ", entry.Shape)}], not a filled matrix; adapt " +
                    "linear modules only.");
            }
        }

        var rank = a.Shape[0];
        if (b.Shape[1] != rank)
        {
            throw new BadInputException(
                $"{tensors.Path}: module '{module}' has lora_A [{string.Join(", ", a.Shape)}] and lora_B [{string.Join(", ", b.Shape)}], " +
                "whose ranks differ; save the adapter again.");
        }

        if (config.ConfiguredRank(module) is var configured && configured != rank)
            options.Warn?.Invoke($"{tensors.Path}: module '{module}' has rank {rank}, but the configuration says {configured}; the " +
                "tensors' rank is used.");
        return new LoraModule(
            module, tensors.Matrix(a.Name), tensors.Matrix(b.Name), config.Scaling(module, rank));
    }
}
