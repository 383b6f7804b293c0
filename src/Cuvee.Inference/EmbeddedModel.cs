using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;

namespace Cuvee.Inference;

/// <summary>
/// The engine of this project as an <see cref="ILanguageModel"/>: fp32 Llama forward on all cores. A record's log-probability has the same bits whatever it is
/// batched with and for any number of threads.
/// </summary>
public sealed class EmbeddedModel : ILanguageModel
{
    public EmbeddedModel(LlamaWeights weights, Tokenizer tokenizer, int? threads = null) => (Weights, Tokenizer) = (weights, tokenizer);

    /// <summary>Reads config.json, generation_config.json, model.safetensors and tokenizer.json of <paramref name="folder"/>.</summary>
    public static EmbeddedModel Load(string folder, int? threads = null) => throw new NotImplementedException();

    public LlamaWeights Weights { get; }

    public Tokenizer Tokenizer { get; }

    public LanguageModelCapabilities Capabilities => throw new NotImplementedException();

    /// <summary>The same tokenizer, scratch and thread team with other weights of the same config; both may not run at the same time.</summary>
    public EmbeddedModel WithWeights(LlamaWeights weights) => throw new NotImplementedException();

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) => throw new NotImplementedException();
}
