using Cuvee.Formats.HuggingFace;

namespace Cuvee.Inference;

/// <summary>One engine, its text encoder and token cache, shared by a model and its candidates, which take turns.</summary>
internal sealed class EngineSlot : IDisposable
{
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly LlamaEngine engine;
    private object? foldedFor; // the candidate whose weights are folded
    private LlamaWeights? folded;

    public EngineSlot(LlamaConfig config, TextEncoder encoder, int? threads)
    {
        Encoder = encoder;
        TokenCache = new TokenCache(encoder, config.MaxPositionEmbeddings);
        engine = new LlamaEngine(WithEnd(config, encoder.ClosingToken), threads);
    }

    public TextEncoder Encoder { get; }

    public TokenCache TokenCache { get; }

    /// <summary>Generation ends with what closes completions, too.</summary>
    private static LlamaConfig WithEnd(LlamaConfig config, int? closing) => closing is not { } id || config.EosTokenIds.Contains(id)
        ? config
        : config with { EosTokenIds = [id, .. config.EosTokenIds] };

    public void Dispose()
    {
        turn.Dispose();
        engine.Dispose();
    }

    /// <summary>Runs <paramref name="work"/> off the caller's thread, alone.</summary>
    public async Task<T> RunAsync<T>(Func<LlamaEngine, T> work, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => work(engine), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Frees the folded weights of any other model: while candidates are scored, none exists as a whole. In a turn only.</summary>
    public void KeepFoldedOf(object model)
    {
        if (foldedFor is null || ReferenceEquals(foldedFor, model)) return;
        (foldedFor, folded) = (null, null);
        engine.FreeFolded();
    }

    /// <summary>What a model continues prompts with: a candidate's weights are folded once and kept until another one's are. In a turn
    /// only.</summary>
    public LlamaWeights Folded(object model, LlamaWeights weights, ILinearUpdate? update)
    {
        if (update is null) return weights;
        if (ReferenceEquals(foldedFor, model)) return folded!;
        foldedFor = null;
        folded = engine.Fold(weights, update);
        foldedFor = model;
        return folded;
    }
}
