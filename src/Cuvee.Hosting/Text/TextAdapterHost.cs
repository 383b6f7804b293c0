using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Text;
using Cuvee.Merging;
using Microsoft.Extensions.AI;

namespace Cuvee.Hosting.Text;

/// <summary>Serves recipes from an endpoint that answers and tells nothing else.</summary>
/// <param name="candidates">Recipes at the same time, at most.</param>
/// <param name="slots">Requests at the same time, at most.</param>
public sealed class TextAdapterHost(
    IChatClient client, IRecipeChoice choice, IReadOnlyList<string> names, int candidates, int slots) : IAdapterHost
{
    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];

    private readonly SemaphoreSlim gate = new(candidates);

    public IReadOnlyList<string> AdapterNames => names;

    public IReadOnlySet<MergeSpace> MergeSpaces => BothSpaces;

    public int MaxConcurrentLeases => candidates;

    public async ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var chosen = await choice.ChooseAsync(recipe, cancellationToken).ConfigureAwait(false);
            return new Lease(new ChatClientModel(client, chosen, slots), () => choice.ReleaseAsync(chosen), gate);
        }
        catch
        {
            gate.Release();
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        gate.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class Lease(ILanguageModel model, Func<Task> release, SemaphoreSlim gate) : IModelLease
    {
        private SemaphoreSlim? held = gate;

        public ILanguageModel Model => held is null ? throw new ObjectDisposedException(nameof(IModelLease)) : model;

        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref held, null) is not { } taken) return;
            try
            {
                await release().ConfigureAwait(false);
            }
            finally
            {
                taken.Release();
            }
        }
    }
}
