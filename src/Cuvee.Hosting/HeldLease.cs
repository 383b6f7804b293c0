using Cuvee.LanguageModels;

namespace Cuvee.Hosting;

/// <summary>A lease that gives something back, once.</summary>
internal sealed class HeldLease(ILanguageModel model, Func<Task> release) : IModelLease
{
    private Func<Task>? held = release;

    public ILanguageModel Model => held is null ? throw new ObjectDisposedException(nameof(IModelLease)) : model;

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref held, null) is { } once) await once().ConfigureAwait(false);
    }
}
