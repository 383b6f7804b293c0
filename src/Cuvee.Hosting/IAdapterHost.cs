using Cuvee.LanguageModels;
using Cuvee.Merging;

namespace Cuvee.Hosting;

/// <summary>Makes a recipe queryable. One lease at a time unless <see cref="MaxConcurrentLeases"/> says more.</summary>
public interface IAdapterHost : IAsyncDisposable
{
    IReadOnlyList<string> AdapterNames { get; }

    IReadOnlySet<MergeSpace> MergeSpaces { get; }

    int MaxConcurrentLeases { get; }

    /// <summary>
    /// Says which recipes are realised until the next call, in any order: a host may form once what they share. Which ones are said shows
    /// in answers by no more than rounding, and the same whichever of them are realised.
    /// </summary>
    void Expect(IReadOnlyList<MergeRecipe> recipes)
    {
    }

    /// <summary>
    /// Validates, forms the merged model and returns it; disposing the lease frees the slot. An empty recipe is the base model.
    /// </summary>
    ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken);
}

/// <summary>A realised recipe.</summary>
public interface IModelLease : IAsyncDisposable
{
    ILanguageModel Model { get; }
}
