using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;

namespace Cuvee.Inference;

/// <summary>
/// The engine of this project as an <see cref="ILanguageModel"/>: fp32 Llama forward on all cores. A record's log-probability has the same
/// bits whatever it is batched with and for any number of threads.
/// </summary>
public sealed class EmbeddedModel : ILanguageModel, IDisposable
{
    private readonly EngineSlot slot;

    /// <param name="weights">Not copied. Weights changed after the first call are not seen: use <see cref="WithWeights"/>.</param>
    /// <param name="threads">Threads used by a call; null means one per processor.</param>
    /// <param name="rules">Null: prompts as they stand, closed by the first end-of-sequence id.</param>
    /// <exception cref="Formats.BadInputException">As <see cref="TextEncoder"/> says.</exception>
    public EmbeddedModel(LlamaWeights weights, Tokenizer tokenizer, int? threads = null, TextRules? rules = null)
        : this(weights, new EngineSlot(weights.Config, new TextEncoder(tokenizer, weights.Config, rules ?? TextRules.Plain), threads))
    {
    }

    private EmbeddedModel(LlamaWeights weights, EngineSlot slot) => (Weights, this.slot) = (weights, slot);

    /// <summary>Reads config.json, generation_config.json, model.safetensors and the tokenizer of <paramref name="folder"/>.</summary>
    /// <exception cref="Formats.BadInputException">As <see cref="ModelFolder"/> says.</exception>
    public static EmbeddedModel Load(string folder, int? threads = null, TextRules? rules = null) =>
        ModelFolder.Open(folder).Load(threads, rules);

    public LlamaWeights Weights { get; }

    public Tokenizer Tokenizer => slot.Encoder.Tokenizer;

    public LanguageModelCapabilities Capabilities =>
        new(LogProbabilities: true, TokenLogProbabilities: true, Generation: true, Weights.Config.MaxPositionEmbeddings);

    /// <summary>
    /// The same tokenizer, token cache, scratch and thread team with other weights of the same shape. Calls of the two take turns; each
    /// turn packs the weights again, so use them one after the other. To see changed arrays, call this again with the same object.
    /// </summary>
    /// <exception cref="ArgumentException">The weights have another shape.</exception>
    public EmbeddedModel WithWeights(LlamaWeights weights) => HaveSameShape(weights.Config, Weights.Config)
        ? new EmbeddedModel(weights, slot)
        : throw new ArgumentException("The weights belong to a model of another shape; load that model by itself.", nameof(weights));

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken) =>
        slot.RunAsync<IReadOnlyList<ScoredCompletion>>(
            this, Weights, engine => Score(engine, records, cancellationToken), cancellationToken);

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) =>
        slot.RunAsync<IReadOnlyList<GeneratedCompletion>>(
            this, Weights, engine => Generate(engine, prompts, options, cancellationToken), cancellationToken);

    /// <summary>
    /// Ends the threads that this model shares with all made from it by <see cref="WithWeights"/>: dispose one of them, the last.
    /// </summary>
    public void Dispose() => slot.Dispose();

    private ScoredCompletion[] Score(LlamaEngine engine, IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        var tokenized = new TokenizedRecord[records.Count];
        for (var i = 0; i < tokenized.Length; i++) tokenized[i] = slot.TokenCache.Tokenize(records[i]);
        var scores = engine.ScoreTokens(tokenized, cancellationToken);
        var results = new ScoredCompletion[tokenized.Length];
        for (var i = 0; i < results.Length; i++)
        {
            double sum = 0;
            foreach (var score in scores[i]) sum += score;
            results[i] = new ScoredCompletion(sum, scores[i].Length, tokenized[i].ScoredFrom, scores[i]);
        }

        return results;
    }

    private GeneratedCompletion[] Generate(
        LlamaEngine engine, IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken)
    {
        var tokenized = prompts
            .Select((prompt, i) => new TokenizedPrompt($"{i}", [.. slot.Encoder.Prompt(prompt)]))
            .ToList();
        Func<int, IReadOnlyList<int>, bool>? stopAfter = options.Stop.Count == 0
            ? null
            : (_, tokens) => StopTexts.Find(Decode(tokens), options.Stop) >= 0;
        IReadOnlyList<GeneratedTokens> generated;
        try
        {
            generated = engine.GenerateTokens(tokenized, options, stopAfter, cancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw new LanguageModelException(exception.Message, exception);
        }

        return [.. generated.Select(each => ToCompletion(each, options.Stop))];
    }

    private GeneratedCompletion ToCompletion(GeneratedTokens generated, IReadOnlyList<string> stop)
    {
        var textTokens = generated.StopReason == StopReason.EndOfSequence ? [.. generated.Tokens.SkipLast(1)] : generated.Tokens;
        var text = Decode(textTokens);
        if (generated.StopReason == StopReason.StopText) text = text[..StopTexts.Find(text, stop)];
        return new GeneratedCompletion(text, generated.Tokens.Count, generated.StopReason);
    }

    private string Decode(IReadOnlyList<int> tokens) => Tokenizer.DecodeContinuation([.. tokens.Where(Tokenizer.HasToken)]);

    // Lists in records compare by reference, and neither end-of-sequence ids nor the stored type change the computation.
    private static bool HaveSameShape(LlamaConfig x, LlamaConfig y) =>
        x with { EosTokenIds = y.EosTokenIds, TorchDtype = y.TorchDtype } == y;
}
