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
    private readonly ILinearUpdate? update;

    /// <param name="weights">Not copied; read at each call.</param>
    /// <param name="threads">Threads used by a call; null means one per processor.</param>
    /// <param name="rules">Null: prompts as they stand, closed by the first end-of-sequence id.</param>
    /// <exception cref="Formats.BadInputException">As <see cref="TextEncoder"/> says.</exception>
    public EmbeddedModel(LlamaWeights weights, Tokenizer tokenizer, int? threads = null, TextRules? rules = null)
        : this(weights, new EngineSlot(weights.Config, new TextEncoder(tokenizer, weights.Config, rules ?? TextRules.Plain), threads))
    {
    }

    private EmbeddedModel(LlamaWeights weights, EngineSlot slot, ILinearUpdate? update = null) =>
        (Weights, this.slot, this.update) = (weights, slot, update);

    /// <summary>Reads config.json, generation_config.json, model.safetensors and the tokenizer of <paramref name="folder"/>.</summary>
    /// <exception cref="Formats.BadInputException">As <see cref="ModelFolder"/> says.</exception>
    public static EmbeddedModel Load(string folder, int? threads = null, TextRules? rules = null) =>
        ModelFolder.Open(folder).Load(threads, rules);

    public LlamaWeights Weights { get; }

    public Tokenizer Tokenizer => slot.Encoder.Tokenizer;

    public LanguageModelCapabilities Capabilities =>
        new(LogProbabilities: true, TokenLogProbabilities: true, Generation: true, Weights.Config.MaxPositionEmbeddings);

    /// <summary>
    /// A candidate: the same tokenizer, token cache, scratch and threads with an update of the linear weights. Calls of the two take
    /// turns, and the memory of one candidate is the next one's: use them one after the other.
    /// </summary>
    /// <param name="candidate">Null: the weights as they are.</param>
    /// <param name="weights">These weights, or others of the same shape, with any number of layers; null: these.</param>
    public EmbeddedModel With(ILinearUpdate? candidate, LlamaWeights? weights = null) => new(weights ?? Weights, slot, candidate);

    /// <summary>These weights with an update folded in, in memory that the next call reuses: what <see cref="With"/> starts candidates from
    /// that differ little from it.</summary>
    /// <exception cref="InvalidOperationException">The model is too large (<see cref="LlamaEngine.HoldsCenter"/>).</exception>
    public Task<LlamaWeights> FoldCenterAsync(ILinearUpdate candidate, CancellationToken cancellationToken) =>
        slot.RunAsync(engine => engine.FoldCenter(Weights, candidate), cancellationToken);

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken) =>
        slot.RunAsync<IReadOnlyList<ScoredCompletion>>(engine => Score(engine, records, cancellationToken), cancellationToken);

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) =>
        slot.RunAsync<IReadOnlyList<GeneratedCompletion>>(
            engine => Generate(engine, prompts, options, cancellationToken), cancellationToken);

    /// <summary>Log-probability in nats of each scored token, as <see cref="LlamaEngine.ScoreTokens"/> says.</summary>
    public Task<IReadOnlyList<float[]>> ScoreTokensAsync(IReadOnlyList<TokenizedRecord> records, CancellationToken cancellationToken) =>
        slot.RunAsync(engine => ScoreTokens(engine, records, cancellationToken), cancellationToken);

    /// <summary>Continues token ids, as <see cref="LlamaEngine.GenerateTokens"/> says.</summary>
    public Task<IReadOnlyList<GeneratedTokens>> GenerateTokensAsync(
        IReadOnlyList<TokenizedPrompt> prompts, GenerationOptions options, Func<int, IReadOnlyList<int>, bool>? stopAfter,
        CancellationToken cancellationToken) => slot.RunAsync(
            engine => engine.GenerateTokens(slot.Folded(this, Weights, update), prompts, options, stopAfter, cancellationToken),
            cancellationToken);

    /// <summary>
    /// Ends the threads that this model shares with all made from it by <see cref="With"/>: dispose one of them, the last.
    /// </summary>
    public void Dispose() => slot.Dispose();

    private IReadOnlyList<float[]> ScoreTokens(
        LlamaEngine engine, IReadOnlyList<TokenizedRecord> records, CancellationToken cancellationToken)
    {
        slot.KeepFoldedOf(this);
        return engine.ScoreTokens(Weights, update, records, cancellationToken);
    }

    private ScoredCompletion[] Score(LlamaEngine engine, IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        var tokenized = new TokenizedRecord[records.Count];
        for (var i = 0; i < tokenized.Length; i++) tokenized[i] = slot.TokenCache.Tokenize(records[i]);
        var scores = ScoreTokens(engine, tokenized, cancellationToken);
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
            generated = engine.GenerateTokens(slot.Folded(this, Weights, update), tokenized, options, stopAfter, cancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw new LanguageModelException(exception.Message, exception);
        }

        return [.. generated.Zip(
            tokenized, (each, prompt) => ToCompletion(each, options.Stop) with { PromptTokens = prompt.Tokens.Length })];
    }

    private GeneratedCompletion ToCompletion(GeneratedTokens generated, IReadOnlyList<string> stop)
    {
        var textTokens = generated.StopReason == StopReason.EndOfSequence ? [.. generated.Tokens.SkipLast(1)] : generated.Tokens;
        var text = Decode(textTokens);
        if (generated.StopReason == StopReason.StopText) text = text[..StopTexts.Find(text, stop)];
        return new GeneratedCompletion(text, generated.Tokens.Count, generated.StopReason);
    }

    private string Decode(IReadOnlyList<int> tokens) => slot.Encoder.Decode(tokens);
}
