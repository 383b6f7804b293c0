using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Merging.Methods;

namespace Cuvee.Merging.Checkpoints;

/// <summary>
/// A base checkpoint and whole models of its architecture: what a recipe merges where the pool holds models instead of adapters. A model's
/// task vector is its difference from the base. Thread-safe.
/// </summary>
/// <remarks>
/// Groups (<see cref="GroupValues"/>) are tensors without <c>.weight</c> or <c>.bias</c>, layers (<c>layers.3</c>, or what the architecture
/// calls them), <c>embeddings</c> (the tensors of no layer that come before the first), <c>head</c> (those after the last) and kinds.
/// </remarks>
public sealed class CheckpointPool : IDisposable
{
    /// <summary>The group of the tensors of no layer before the first one.</summary>
    public const string Embeddings = "embeddings";

    /// <summary>The group of the tensors of no layer after the last one.</summary>
    public const string Head = "head";

    // A weighted recipe: the largest entries of each tensor's task vectors, weighted and summed. How many is cut, not rounded as where
    // adapters are pruned, and exact where magnitudes are equal.
    private static readonly ThinnedTaskArithmetic Weighted = new(
        "weights", "arXiv 2509.12951", Thinning.Smallest, elects: false, normalizes: false, rescales: false);

    private readonly LayeredCheckpoint origin;
    private readonly bool tied; // the base's head, to its embedding
    private readonly Dictionary<string, LayeredCheckpoint> models = new(StringComparer.Ordinal);
    private readonly List<(string Tensor, ModuleGroups Groups)> tensors = []; // embeddings, layers, head
    private readonly IReadOnlySet<string> groupNames;

    private CheckpointPool(LayeredCheckpoint origin, bool tied, MergeMethods methods)
    {
        (this.origin, this.tied) = (origin, tied);
        var outer = origin.OuterOf(tied);
        Methods = methods.With(MergekitMethods.All.Where(method => methods.All(own => own.Name != method.Name)));
        foreach (var name in outer.Where(LayeredCheckpoint.IsEmbedding)) tensors.Add((name, GroupsOf(name, Embeddings)));
        for (var layer = 0; layer < origin.Layers.Count; layer++)
        {
            foreach (var below in origin.Layers[layer]) tensors.Add((origin.NameOf(layer, below), GroupsOf(origin.NameOf(layer, below))));
        }

        foreach (var name in outer.Where(name => !LayeredCheckpoint.IsEmbedding(name))) tensors.Add((name, GroupsOf(name, Head)));
        Groups = [.. tensors.Select(tensor => origin.Layers.Count == 0 ? tensor.Groups.Name : tensor.Groups.Layer!).Distinct()];
        groupNames = ModuleGroups.NamesOf(tensors.Select(tensor => tensor.Groups));
    }

    /// <summary>Names of the models, ordinal.</summary>
    public IReadOnlyList<string> Names => [.. models.Keys.Order(StringComparer.Ordinal)];

    public string BaseFolder => origin.Reader.Folder;

    /// <summary>Embeddings, layers and head in the model's order; each module by itself where the tensors are not one list of numbered
    /// layers.</summary>
    public IReadOnlyList<string> Groups { get; }

    /// <summary>The methods that recipes may name: those given, and mergekit's of other names (<see cref="MergekitMethods"/>).</summary>
    public MergeMethods Methods { get; }

    /// <summary>Reads headers; no value.</summary>
    /// <param name="methods">Null: the built-in ones.</param>
    /// <exception cref="BadInputException">A folder holds no checkpoint, or a model has other tensors than the base.</exception>
    public static CheckpointPool Open(string baseFolder, IEnumerable<string> modelFolders, MergeMethods? methods = null)
    {
        ArgumentNullException.ThrowIfNull(modelFolders);
        var tied = HuggingFaceModelReader.TiesHead(baseFolder);
        var pool = new CheckpointPool(LayeredCheckpoint.Open(baseFolder), tied, methods ?? MergeMethods.Default);
        try
        {
            foreach (var folder in modelFolders)
            {
                var model = LayeredCheckpoint.Open(folder);
                pool.models.Add(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)), model);
                pool.RequireSame(model);
            }

            return pool;
        }
        catch
        {
            pool.Dispose();
            throw;
        }
    }

    /// <summary>Folder of a model of the pool.</summary>
    /// <exception cref="ArgumentException">There is no such model.</exception>
    public string FolderOf(string name)
    {
        RequireModel(name);
        return models[name].Reader.Folder;
    }

    /// <summary>Folder of the base or of one model where the recipe is nothing else; null: it has to be merged.</summary>
    /// <exception cref="ArgumentException">The recipe is malformed or does not fit the pool.</exception>
    public string? FolderOf(MergeRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        if (recipe is not WeightedRecipe weighted) return null;
        Check(weighted);
        var used = weighted.Adapters.Where(share => share.Weight != 0 || share.GroupWeights.Count > 0).ToList();
        return used switch
        {
            [] => origin.Reader.Folder,
            [{ Weight: 1, KeepFraction: 1, GroupWeights.Count: 0, GroupKeepFractions.Count: 0 } alone] => models[alone.Name].Reader.Folder,
            _ => null,
        };
    }

    /// <summary>Weights of each tensor's differences from the base where the recipe is nothing but a weighted sum of them; null:
    /// <see cref="Merge(MergeRecipe)"/> says how the tensors come about.</summary>
    /// <returns>By tensor, in the order of the recipe's adapters.</returns>
    /// <exception cref="ArgumentException">The recipe is malformed or does not fit the pool.</exception>
    public IReadOnlyDictionary<string, float[]>? SumOf(MergeRecipe recipe)
    {
        if (recipe is not WeightedRecipe weighted) return null;
        Check(weighted);
        if (weighted.Adapters.Any(share => share.KeepFraction != 1 || share.GroupKeepFractions.Count > 0)) return null;
        return tensors.ToDictionary(
            tensor => tensor.Tensor,
            tensor => weighted.Adapters.Select(share => (float)share.GroupWeights.For(tensor.Groups, share.Weight)).ToArray(),
            StringComparer.Ordinal);
    }

    /// <summary>How each tensor of the merged model comes about: embeddings, layers, head.</summary>
    /// <exception cref="ArgumentException">The recipe is malformed, does not fit the pool or is a path.</exception>
    public IReadOnlyList<MergedTensor> Merge(MergeRecipe recipe)
    {
        switch (recipe)
        {
            case WeightedRecipe weighted:
                Check(weighted);
                return [.. tensors.Select(tensor => Merge(weighted, tensor.Tensor, tensor.Groups))];
            case MethodRecipe named:
                var method = Methods.Find(named.Method);
                Check(named, method);
                return [.. tensors.Select(tensor => Merge(named, method, tensor.Tensor, tensor.Groups))];
            default:
                throw new ArgumentException("A path through layers is no merge of tensors.");
        }
    }

    public void Dispose()
    {
        origin.Dispose();
        foreach (var model in models.Values) model.Dispose();
    }

    private MergedTensor Merge(WeightedRecipe recipe, string tensor, ModuleGroups groups)
    {
        var used = recipe.Adapters
            .Select(share => (
                share.Name, Weight: share.GroupWeights.For(groups, share.Weight),
                Keep: share.GroupKeepFractions.For(groups, share.KeepFraction)))
            .Where(share => share.Weight != 0 && share.Keep != 0).ToList();
        if (used is [] or [{ Weight: 1, Keep: 1 }])
        {
            var source = used is [var alone] ? models[alone.Name] : origin;
            return Of(tensor, [source], null, MergekitMethods.Copy, new MethodRecipe(
                MergekitMethods.Copy.Name, new Dictionary<string, double>(), [new AdapterParameters("source")]));
        }

        return Of(tensor, used.Select(share => models[share.Name]), origin, Weighted, new MethodRecipe(
            Weighted.Name, new Dictionary<string, double>(),
            [.. used.Select(share => new AdapterParameters(
                share.Name, new Dictionary<string, double> { ["weight"] = share.Weight, ["density"] = share.Keep }))]));
    }

    private MergedTensor Merge(MethodRecipe recipe, IMergeMethod method, string tensor, ModuleGroups groups) => Of(
        tensor, recipe.Adapters.Select(adapter => models[adapter.Name]), method == MergekitMethods.Copy ? null : origin, method, recipe with
        {
            Adapters =
            [
                .. recipe.Adapters.Select(adapter => adapter.GroupParameters.Count == 0 ? adapter : new AdapterParameters(
                    adapter.Name, ValuesOf(method, adapter, groups))),
            ],
        });

    // What no listed group holds stays as it is without groups: the adapter's own value, else the whole's.
    private static Dictionary<string, double> ValuesOf(IMergeMethod method, AdapterParameters adapter, ModuleGroups groups)
    {
        var values = new Dictionary<string, double>(adapter.Parameters);
        foreach (var (name, of) in adapter.GroupParameters)
        {
            if (method.AdapterParameters.All(parameter => parameter.Name != name))
                throw new ArgumentException($"Method {method.Name} has no parameter '{name}' of each adapter; leave it out.");
            if (of.For(groups) is { } value) values[name] = value;
        }

        return values;
    }

    private static MergedTensor Of(
        string tensor, IEnumerable<LayeredCheckpoint> sources, LayeredCheckpoint? start, IMergeMethod method, MethodRecipe recipe) => new(
            tensor, [.. sources.Select(source => new TensorPlace(source.Reader, tensor))],
            start is null ? null : new TensorPlace(start.Reader, tensor), method, MergeArguments.For(method, recipe));

    private void Check(WeightedRecipe recipe)
    {
        RecipeChecks.ThrowIfMalformed(recipe);
        if (recipe.Space != MergeSpace.Delta || recipe.Pruned != PrunedFactor.LoraA)
            throw new ArgumentException("Whole models have no factors; use weights in delta space, and leave 'pruned' out.");
        foreach (var share in recipe.Adapters) RequireModel(share.Name);
        RecipeChecks.ThrowIfUnmatched(recipe.Adapters, groupNames);
    }

    private void Check(MethodRecipe recipe, IMergeMethod method)
    {
        RecipeChecks.ThrowIfMalformed(recipe);
        if (method is TiesMerge && recipe.Parameters.GetValueOrDefault(TiesMerge.WholeVector) != 0)
            throw new ArgumentException($"Whole models are merged tensor by tensor; leave '{TiesMerge.WholeVector}' out.");
        foreach (var adapter in recipe.Adapters)
        {
            RequireModel(adapter.Name);
            RecipeChecks.ThrowIfUnmatched(adapter.Name, adapter.GroupParameters.Values, groupNames);
        }
    }

    private void RequireModel(string name)
    {
        if (!models.ContainsKey(name))
            throw new ArgumentException($"The recipe names model '{name}', which is not in the pool; correct the name or add the model.");
    }

    private void RequireSame(LayeredCheckpoint model)
    {
        var names = model.Reader.TensorNames.ToHashSet(StringComparer.Ordinal);
        var (folder, own) = (model.Reader.Folder, origin.Reader.Folder);
        foreach (var (tensor, _) in tensors)
        {
            if (!names.Contains(tensor))
                throw new BadInputException($"{folder}: tensor '{tensor}' is missing, which the base has; pool models of the base {own}.");
            var (shape, expected) = (model.Reader.Find(tensor)!.Shape, origin.Reader.Find(tensor)!.Shape);
            if (!shape.SequenceEqual(expected))
            {
                throw new BadInputException(
                    $"{folder}: tensor '{tensor}' has shape [{string.Join(", ", shape)}] but [{string.Join(", ", expected)}] in the base " +
                    $"{own}; pool models of that base.");
            }
        }

        if (model.OuterOf(tied).Concat(model.Layers.SelectMany((below, layer) => below.Select(name => model.NameOf(layer, name))))
            .FirstOrDefault(name => origin.Reader.Find(name) is null) is { } extra)
            throw new BadInputException($"{folder}: has tensor '{extra}', which the base {own} does not have; pool models of that base.");
    }

    private static ModuleGroups GroupsOf(string tensor, string? part = null)
    {
        var module = tensor;
        foreach (var suffix in (string[])[".weight", ".bias"])
        {
            if (module.EndsWith(suffix, StringComparison.Ordinal)) module = module[..^suffix.Length];
        }

        return part is null ? ModuleGroups.Of(module) : ModuleGroups.Of(module) with { Layer = part };
    }
}
