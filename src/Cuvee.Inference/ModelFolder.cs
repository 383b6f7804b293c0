using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization;
using Cuvee.Inference.Tokenization.Gguf;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>
/// A model on the disk, the folder of Hugging Face's files or one GGUF file: configuration and tokenizer, read and checked against each
/// other before any weight is touched. The one way into the engine.
/// </summary>
public sealed class ModelFolder
{
    // What a folder's configuration, texts and weights are read from; other files may lie beside them.
    private static readonly string[] Deciding = [".json", ".jinja", ".model", ".safetensors"];

    private readonly GgufReader? file; // null: a folder
    private ModelChat? chat;

    private ModelFolder(string path, GgufReader? file, LlamaConfig config, Tokenizer tokenizer)
    {
        (Path, this.file, Config, Tokenizer) = (path, file, config, tokenizer);
        if (tokenizer.VocabSize <= config.VocabSize) return;
        throw new BadInputException(
            $"{path}: the tokenizer has {tokenizer.VocabSize} tokens but the model a vocabulary of {config.VocabSize}; use files of one " +
            "model.");
    }

    /// <summary>Folder or file.</summary>
    public string Path { get; }

    /// <summary>One GGUF file.</summary>
    public bool IsGguf => file is not null;

    /// <summary>What the model is read from: a folder's files of the kinds that are read, ordinal, or the GGUF file and the
    /// <c>tokenizer.json</c> beside it where that is read.</summary>
    public IReadOnlyList<string> Files => file is null
        ? FilesOf(Path)
        : GgufTokenizerReader.FileBeside(file) is { } tokenizer ? [Path, tokenizer] : [Path];

    /// <summary>A folder's files of the kinds that models are read from, ordinal, whatever their architecture.</summary>
    public static IReadOnlyList<string> FilesOf(string folder) =>
        [.. Directory.GetFiles(folder).Where(each => Deciding.Contains(System.IO.Path.GetExtension(each))).Order(StringComparer.Ordinal)];

    public LlamaConfig Config { get; }

    public Tokenizer Tokenizer { get; }

    /// <exception cref="BadInputException">No folder, a file is missing or broken, the engine does not compute such a model, or the
    /// tokenizer belongs to another.</exception>
    public static ModelFolder Open(string path)
    {
        if (IsGgufPath(path))
        {
            var file = GgufReader.Open(path);
            return new ModelFolder(path, file, GgufModelReader.ReadConfig(file), GgufTokenizerReader.Read(file));
        }

        if (!Directory.Exists(path))
            throw new BadInputException($"{path}: there is no such folder; name the folder of a Hugging Face model, or a .gguf file.");
        return new ModelFolder(path, null, HuggingFaceModelReader.ReadConfig(path), Tokenizer.Open(path));
    }

    /// <summary>Whether the path means one file of llama.cpp's, by its name.</summary>
    public static bool IsGgufPath(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(path);

    /// <summary>What the model says of its conversations.</summary>
    /// <exception cref="BadInputException">tokenizer_config.json is broken.</exception>
    public ModelChat Chat => chat ??= file is null ? ChatFile.Read(Path, Config, Tokenizer) : ChatFile.Of(file, Config, Tokenizer);

    /// <param name="threads">Null means one per processor.</param>
    /// <param name="rules">As for <see cref="EmbeddedModel"/>.</param>
    /// <exception cref="BadInputException">A tensor is missing, unexpected, of another shape or not finite.</exception>
    public EmbeddedModel Load(int? threads = null, TextRules? rules = null) =>
        new(LlamaWeights.FromTensors(Config, ReadTensors()), Tokenizer, threads, rules);

    /// <summary>Every tensor where it lies in the mapped files; key: on-disk name of <see cref="LlamaTensorLayout"/>.</summary>
    /// <exception cref="BadInputException">As for <see cref="Load"/>.</exception>
    public IReadOnlyDictionary<string, StoredMatrix> ReadTensors() =>
        file is null ? HuggingFaceModelReader.ReadWeights(Path, Config) : GgufModelReader.ReadWeights(file, Config);

    /// <summary>Writes the folder's model as one file for llama.cpp.</summary>
    /// <param name="format">Of the matrices.</param>
    /// <param name="warn">Gets one sentence for each thing that llama.cpp does otherwise.</param>
    /// <exception cref="BadInputException">It is a GGUF file already, llama.cpp cannot compute it, or a tensor cannot be
    /// written.</exception>
    public void ExportGguf(string target, StorageFormat format, Action<string> warn)
    {
        if (file is not null) throw new BadInputException($"{Path}: is a GGUF file already; llama-quantize stores it in another type.");
        if (Config.SlidingWindow is { } window)
            warn($"{Path}: llama.cpp computes no sliding window; the file's context ends where the window would begin, at {window} " +
                "tokens.");
        GgufModelWriter.Write(
            target,
            System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path))),
            Config,
            metadata =>
            {
                var json = System.IO.Path.Combine(Path, Tokenizer.JsonName);
                if (File.Exists(json)) GgufTokenizerWriter.Write(json, Config, metadata, warn);
                else GgufSentencePieceWriter.Write(Path, Config, metadata);
                if (Chat.Template is { } template) metadata.Add(GgufKeys.ChatTemplate, template);
            },
            ReadTensors(),
            format);
    }
}
