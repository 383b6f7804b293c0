using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;

namespace Cuvee.Inference;

/// <summary>
/// The folder of a Hugging Face model: configuration and tokenizer, read and checked against each other before any weight is touched. The
/// one way into the engine.
/// </summary>
public sealed class ModelFolder
{
    private readonly string path;
    private ModelChat? chat;

    private ModelFolder(string path, LlamaConfig config, Tokenizer tokenizer) =>
        (this.path, Config, Tokenizer) = (path, config, tokenizer);

    public LlamaConfig Config { get; }

    public Tokenizer Tokenizer { get; }

    /// <exception cref="BadInputException">No folder, a file is missing or broken, the engine does not compute such a model, or the
    /// tokenizer belongs to another.</exception>
    public static ModelFolder Open(string path)
    {
        if (!Directory.Exists(path))
            throw new BadInputException($"{path}: there is no such folder; name the folder of a Hugging Face model.");
        var tokenizer = Tokenizer.Open(path);
        var config = HuggingFaceModelReader.ReadConfig(path);
        return tokenizer.VocabSize <= config.VocabSize
            ? new ModelFolder(path, config, tokenizer)
            : throw new BadInputException(
                $"{path}: the tokenizer has {tokenizer.VocabSize} tokens but config.json's 'vocab_size' is {config.VocabSize}; " +
                "use files of one model.");
    }

    /// <summary>What the model says of its conversations.</summary>
    /// <exception cref="BadInputException">tokenizer_config.json is broken.</exception>
    public ModelChat Chat => chat ??= ChatFile.Read(path, Config, Tokenizer);

    /// <param name="threads">Null means one per processor.</param>
    /// <param name="rules">As for <see cref="EmbeddedModel"/>.</param>
    /// <exception cref="BadInputException">A tensor is missing, unexpected, of another shape or not finite.</exception>
    public EmbeddedModel Load(int? threads = null, TextRules? rules = null) =>
        new(LlamaWeights.FromTensors(Config, HuggingFaceModelReader.ReadWeights(path, Config)), Tokenizer, threads, rules);
}
