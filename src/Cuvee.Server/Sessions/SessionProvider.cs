using Cuvee.Formats;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Providers;
using Cuvee.Searches;
using Cuvee.Server.Engine;
using Cuvee.Server.Keys;

namespace Cuvee.Server.Sessions;

/// <summary>
/// What a session's search asks: the served pool, through the same queue as everybody's requests and on the key's account of tokens. The
/// result is a recipe; the session writes it as the authors' service does.
/// </summary>
internal sealed class SessionProvider(ServedPool served, EngineScheduler engine, Tenant tenant, int contextLength)
    : IProviderFactory, IProvider
{
    private static readonly HashSet<MergeSpace> FactorsOnly = [MergeSpace.Factors];

    public string Name => "session";

    public string Description => "the served pool";

    public ProviderCapabilities Capabilities => new(
        LogProbabilityDetail.PerToken, Answers: false, FactorsOnly, Methods: false, Weights: false, contextLength, MaxConcurrentLeases: 1);

    public IReadOnlyList<string> AdapterNames => [.. served.Adapters.Select(adapter => adapter.Name)];

    public ModelChat Chat => served.Chat;

    public IProvider Create(ProviderSettings settings) => this;

    public void Check(MergeSpace space)
    {
        try
        {
            served.Check(MergeRecipes.Uniform(space, AdapterNames));
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"The pool cannot be merged in a session: {exception.Message}", exception);
        }
    }

    public IReadOnlyDictionary<string, string> Identity() =>
        new Dictionary<string, string> { ["service"] = served.Fingerprint, ["context"] = $"{contextLength}" };

    public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file) =>
        RecordLengths.Of(records, new TextEncoder(served.Tokenizer, served.Config, rules), contextLength, file);

    /// <summary>The model is in memory already.</summary>
    public long MemoryBytes(double tokens, bool generates) => 0;

    public Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken) => Task.FromResult<IProviderSession>(
        new Open(this, new TextEncoder(served.Tokenizer, served.Config, rules)));

    /// <summary>Log-probabilities of records under a recipe, when the engine's turn comes.</summary>
    public async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        MergeRecipe recipe, IReadOnlyList<PromptCompletion> records, TextEncoder encoder, CancellationToken cancellationToken)
    {
        List<TokenizedRecord> tokenized = [.. records.Select(record => encoder.Record(record, contextLength))];
        var job = new ScoreJob(served.Check(recipe), tokenized, cancellationToken);
        await tenant.PayTokensAsync(job.Tokens, cancellationToken).ConfigureAwait(false);
        var scores = await engine.ScoreAsync(job).ConfigureAwait(false);
        return [.. scores.Select((each, i) => new ScoredCompletion(
            each.Sum(score => (double)score), each.Length, tokenized[i].ScoredFrom, each))];
    }

    private sealed class Open(SessionProvider provider, TextEncoder encoder) : IProviderSession, IAdapterHost
    {
        public IAdapterHost Host => this;

        public RecipeMerger? Weights => null;

        public IReadOnlyList<string> PoolDoubts => [];

        public long Retries => 0;

        public IReadOnlyList<string> AdapterNames => provider.AdapterNames;

        public IReadOnlySet<MergeSpace> MergeSpaces => FactorsOnly;

        public int MaxConcurrentLeases => 1;

        public ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IModelLease>(new Candidate(provider, recipe, encoder));

        public ValueTask<IModelLease?> RealizeWrittenAsync(string folder, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IModelLease?>(null);

        public void WriteFolded(string folder, MergeRecipe recipe, TensorType type, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("The planner refuses to write where a provider has no weights.");

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Candidate(SessionProvider provider, MergeRecipe recipe, TextEncoder encoder) : IModelLease, ILanguageModel
    {
        public ILanguageModel Model => this;

        public LanguageModelCapabilities Capabilities => new(
            LogProbabilities: true, TokenLogProbabilities: true, Generation: false, provider.Capabilities.ContextLength);

        public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
            IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken) =>
            provider.ScoreAsync(recipe, records, encoder, cancellationToken);

        public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
            IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) =>
            throw new LanguageModelException("A session scores records and generates nothing; ask /v1/completions.");

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
