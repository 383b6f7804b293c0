using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Inference;

/// <summary>One engine, its tokenizer and token cache, shared by models that differ in their weights only and take turns.</summary>
internal sealed class EngineSlot : IDisposable
{
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly LlamaEngine engine;
    private object? packedFor; // the model whose weights are packed

    public EngineSlot(LlamaConfig config, Tokenizer tokenizer, int? threads)
    {
        if (config.EosTokenIds.Count == 0)
        {
            throw new ArgumentException(
                "The model has no end-of-sequence id, which closes every scored completion; set eos_token_id in its config.json.",
                nameof(config));
        }

        Tokenizer = tokenizer;
        TokenCache = new TokenCache(tokenizer, config.EosTokenIds[0], config.MaxPositionEmbeddings);
        engine = new LlamaEngine(config, threads);
    }

    public Tokenizer Tokenizer { get; }

    public TokenCache TokenCache { get; }

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
