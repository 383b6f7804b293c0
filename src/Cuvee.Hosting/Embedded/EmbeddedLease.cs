using Cuvee.Inference;
using Cuvee.LanguageModels;

namespace Cuvee.Hosting.Embedded;

/// <summary>A recipe on the embedded engine, until it is disposed.</summary>
public sealed class EmbeddedLease : IModelLease
{
    private readonly EmbeddedModel model;
    private SemaphoreSlim? held;

    internal EmbeddedLease(EmbeddedModel model, SemaphoreSlim gate) => (this.model, held) = (model, gate);

    public EmbeddedModel Model => held is null ? throw new ObjectDisposedException(nameof(EmbeddedLease)) : model;

    ILanguageModel IModelLease.Model => Model;

    public ValueTask DisposeAsync()
    {
        Interlocked.Exchange(ref held, null)?.Release();
        return ValueTask.CompletedTask;
    }
}
