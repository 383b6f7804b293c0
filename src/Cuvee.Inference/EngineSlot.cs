using Cuvee.Formats.HuggingFace;

namespace Cuvee.Inference;

/// <summary>One engine, its text encoder and token cache, shared by models that differ in their weights only and take turns.</summary>
internal sealed class EngineSlot : IDisposable
{
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly LlamaEngine engine;
    private object? packedFor; // the model whose weights are packed

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

    /// <summary>Runs <paramref name="work"/> off the caller's thread, alone, with <paramref name="weights"/> packed.</summary>
    public async Task<T> RunAsync<T>(object model, LlamaWeights weights, Func<LlamaEngine, T> work, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Run(
                () =>
                {
                    if (!ReferenceEquals(packedFor, model))
                    {
                        packedFor = null;
                        engine.SetWeights(weights);
                        packedFor = model;
                    }

                    return work(engine);
                },
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            turn.Release();
        }
    }
}
