namespace Cuvee.Merging;

/// <summary>
/// What to merge, by name: a small closed set of documents under one <c>recipe.json</c> contract. Immutable; compared by value through
/// <see cref="RecipeJson.Serialize"/>.
/// </summary>
public abstract record MergeRecipe
{
    private protected MergeRecipe()
    {
    }
}

/// <summary>Signed weights and keep fractions; adapters not listed have weight 0.</summary>
public sealed record WeightedRecipe(MergeSpace Space, IReadOnlyList<AdapterShare> Adapters) : MergeRecipe
{
    /// <summary>What keep fractions prune.</summary>
    public PrunedFactor Pruned { get; init; }
}

/// <summary>The factor whose largest entries a keep fraction keeps, each tensor by itself.</summary>
public enum PrunedFactor
{
    /// <summary>LoraA, as published (arXiv 2509.12951).</summary>
    LoraA,

    /// <summary>LoraB instead.</summary>
    LoraB,

    /// <summary>Both, each by the same fraction.</summary>
    Both,
}

/// <param name="Weight">The paper's beta, of every module that no group of <see cref="GroupWeights"/> holds.</param>
/// <param name="KeepFraction">The paper's alpha, fraction of each LoraA tensor (<see cref="WeightedRecipe.Pruned"/>) that is kept,
/// in [0, 1]; of every module that no group of <see cref="GroupKeepFractions"/> holds.</param>
public sealed record AdapterShare(string Name, double Weight, double KeepFraction = 1)
{
    public GroupValues GroupWeights { get; init; } = GroupValues.None;

    public GroupValues GroupKeepFractions { get; init; } = GroupValues.None;
}

/// <summary>A named merge method over adapters of a pool (<see cref="Methods.IMergeMethod"/>).</summary>
/// <param name="Method">Such as <c>ties</c>.</param>
/// <param name="Parameters">The method's own, by name; what is missing takes its default.</param>
/// <param name="Adapters">At least one, each once; their order is the order of the task vectors.</param>
/// <param name="Seed">For methods that draw.</param>
public sealed record MethodRecipe(
    string Method, IReadOnlyDictionary<string, double> Parameters, IReadOnlyList<AdapterParameters> Adapters, ulong Seed = 0) : MergeRecipe;

/// <param name="Parameters">The method's parameters that each adapter has of its own, such as <c>weight</c>.</param>
public sealed record AdapterParameters(string Name, IReadOnlyDictionary<string, double> Parameters)
{
    public AdapterParameters(string name)
        : this(name, new Dictionary<string, double>())
    {
    }

    /// <summary>Values of groups, by parameter; only in a pool of whole models. Tensors in no group have that of
    /// <see cref="Parameters"/>.</summary>
    public IReadOnlyDictionary<string, GroupValues> GroupParameters { get; init; } = new Dictionary<string, GroupValues>();
}

/// <summary>
/// A way of the hidden states through layers of whole models (data-flow space, arXiv 2403.13187, section 3.2).
/// </summary>
/// <param name="First">The model whose embeddings, final norm and head the path has; null: <paramref name="Merged"/>.</param>
/// <param name="Steps">At least one.</param>
/// <param name="Merged">A merge of the pool that the path may go through beside the pool's models; no path itself.</param>
public sealed record PathRecipe(string? First, IReadOnlyList<RecipeStep> Steps, MergeRecipe? Merged = null) : MergeRecipe;

/// <summary>One slot of a path.</summary>
/// <param name="Model">Of the pool; null: <see cref="PathRecipe.Merged"/>.</param>
/// <param name="Layer">Of that model, from 0.</param>
/// <param name="InputScale">What the hidden state is multiplied by before the layer; finite in fp32, not 0.</param>
public sealed record RecipeStep(string? Model, int Layer, double InputScale = 1);
