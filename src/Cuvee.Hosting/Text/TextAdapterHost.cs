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
    private LanguageModelException? unreleased; // why a candidate was not released, said before the next one

    public IReadOnlyList<string> AdapterNames => names;

    public IReadOnlySet<MergeSpace> MergeSpaces => BothSpaces;

    public int MaxConcurrentLeases => candidates;

    /// <inheritdoc/>
    /// <exception cref="LanguageModelException">The recipe cannot be served, or the one before it was not released.</exception>
    public async ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Interlocked.Exchange(ref unreleased, null) is { } earlier) throw new LanguageModelException(earlier.Message, earlier);
            var chosen = await choice.ChooseAsync(recipe, cancellationToken).ConfigureAwait(false);
            return new HeldLease(new ChatClientModel(client, chosen, slots), () => ReleaseAsync(chosen));
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

    private async Task ReleaseAsync(ChatOptions chosen)
    {
        try
        {
            await choice.ReleaseAsync(chosen).ConfigureAwait(false);
        }
        catch (LanguageModelException exception)
        {
            unreleased = exception; // thrown here it would hide what ended the candidate's work
        }
        finally
        {
            gate.Release();
        }
    }
}
