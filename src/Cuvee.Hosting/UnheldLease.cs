using Cuvee.LanguageModels;

namespace Cuvee.Hosting;

/// <summary>A realised recipe that holds nothing: no slot to free, no file to delete.</summary>
public sealed class UnheldLease(ILanguageModel model) : IModelLease
{
    public ILanguageModel Model => model;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
