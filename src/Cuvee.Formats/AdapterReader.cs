using Cuvee.Formats.Gguf;
using Cuvee.Formats.Peft;

namespace Cuvee.Formats;

/// <summary>An adapter as it is found: PEFT's folder, a GGUF file, or a folder that holds one.</summary>
public static class AdapterReader
{
    private const string GgufExtension = ".gguf";

    private const string MlxWeights = "adapters.safetensors";

    /// <param name="path">A folder, or a <c>.gguf</c> file.</param>
    /// <exception cref="BadInputException">None of them, an adapter that cannot be merged, or a broken file.</exception>
    public static PeftAdapter Read(string path, PeftReaderOptions? options = null)
    {
        options ??= new PeftReaderOptions();
        ThrowIfMlx(path);
        return GgufFile(path) is { } file ? GgufAdapterReader.Read(file, NameOf(path), options.Base) : PeftReader.Read(path, options);
    }

    /// <summary>The files that make up the adapter, whether they are there or not.</summary>
    public static IReadOnlyList<string> Files(string path) => GgufFile(path) is { } file
        ? [file]
        : [Path.Combine(path, PeftReader.ConfigFileName), Path.Combine(path, PeftReader.TensorFileName)];

    /// <summary>By its name.</summary>
    public static bool IsGguf(string file) => file.EndsWith(GgufExtension, StringComparison.OrdinalIgnoreCase);

    /// <summary>Null for a PEFT folder.</summary>
    /// <exception cref="BadInputException">The folder holds several.</exception>
    public static string? GgufFile(string path)
    {
        if (File.Exists(path)) return IsGguf(path) ? path : null;
        if (!Directory.Exists(path) || File.Exists(Path.Combine(path, PeftReader.ConfigFileName))) return null;
        var files = Directory.GetFiles(path).Where(IsGguf).ToArray();
        return files.Length <= 1
            ? files.FirstOrDefault()
            : throw new BadInputException($"{path}: holds {files.Length} GGUF files; keep one adapter in a folder.");
    }

    /// <summary>A folder's name, or a file's without its extension.</summary>
    private static string NameOf(string path)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        return File.Exists(path) ? Path.GetFileNameWithoutExtension(name) : name;
    }

    private static void ThrowIfMlx(string path)
    {
        var weights = Path.Combine(path, MlxWeights);
        if (!File.Exists(weights) || File.Exists(Path.Combine(path, PeftReader.TensorFileName))) return;
        throw new BadInputException(
            $"{weights}: is an adapter of MLX; convert it to PEFT's format: lora_A and lora_B are the transposes of its lora_a and " +
            "lora_b, and lora_alpha is its scale times the rank.");
    }
}
