using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging.Checkpoints;
using Cuvee.Merging.Methods;
using Cuvee.Numerics;

namespace Cuvee.Mergekit;

/// <summary>What a mergekit configuration asks for, tensor by tensor; the models' files are open, no value has been read.</summary>
public sealed class MergekitPlan : IDisposable
{
    private const long MaxShardBytes = 2_000_000_000;

    private readonly Dictionary<string, LayeredCheckpoint> models = new(StringComparer.Ordinal); // by folder
    private readonly List<MergedTensor> tensors = [];
    private readonly List<(string Folder, int Layer)> layers = []; // where each one of the result comes from, first source
    private readonly MergekitFile file;
    private readonly ulong seed;
    private readonly string donor; // of the configuration
    private readonly bool tied; // the result's head, to its embedding

    private MergekitPlan(MergekitFile file, ulong seed)
    {
        (this.file, this.seed) = (file, seed);
        donor = file.FolderOf(file.BaseModel ?? file.Slices[0].Sources[0].Model);
        tied = HuggingFaceModelReader.TiesHead(donor);
    }

    /// <summary>In the order in which they are written.</summary>
    public IReadOnlyList<MergedTensor> Tensors => tensors;

    /// <summary>Of the written tensors.</summary>
    public TensorType Type { get; private set; }

    /// <summary>Layers of the result; 0 where its tensors are not one list of numbered layers.</summary>
    public int Layers => layers.Count;

    /// <summary>Numbers of the result.</summary>
    public long Elements => tensors.Sum(tensor => tensor.Sources[0].Checkpoint.Find(tensor.Sources[0].Name)!.Count);

    /// <summary>Folders of the models, ordinal.</summary>
    public IEnumerable<string> Models => models.Keys.Order(StringComparer.Ordinal);

    /// <param name="seed">Of DARE's and DELLA's random drops.</param>
    /// <exception cref="BadInputException">A model is missing or broken, or the models do not fit each other or the file.</exception>
    public static MergekitPlan Open(MergekitFile file, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(file);
        var plan = new MergekitPlan(file, seed);
        try
        {
            plan.Make();
            return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
    }

    /// <summary>Writes weights (shards of at most 2 GB), configuration, tokenizer, a model card and the file itself.</summary>
    /// <param name="folder">Must exist and be empty.</param>
    /// <param name="team">Shares the work.</param>
    /// <param name="begun">Gets each tensor's name when its turn comes.</param>
    /// <exception cref="BadInputException">A source is missing, of another shape or not finite.</exception>
    public void Write(string folder, ThreadTeam team, Action<string>? begun = null, CancellationToken cancellationToken = default)
    {
        var sources = CheckpointMerger.Merge(tensors, team, cancellationToken).Select(source => source with
        {
            Fill = (firstRow, rows) =>
            {
                if (firstRow == 0) begun?.Invoke(source.Name);
                source.Fill(firstRow, rows);
            },
            Stored = source.Stored is not { } stored ? null : stored with
            {
                CopyTo = stream =>
                {
                    begun?.Invoke(source.Name);
                    stored.CopyTo(stream);
                },
            },
        });
        ModelShards.Write(folder, [.. sources], Type, MaxShardBytes);
        MergekitOutput.Write(file, donor, file.HasSlices ? layers : null, Type, seed, folder);
    }

    public void Dispose()
    {
        foreach (var model in models.Values) model.Dispose();
    }

    private void Make()
    {
        var slices = file.Slices.Select(Complete).ToList();
        foreach (var slice in slices) RequireLayers(slice);
        AddOuter(slices[0], embeddings: true);
        foreach (var slice in slices) AddLayers(slice);
        AddOuter(slices[^1], embeddings: false);
        if (tensors.Count == 0) throw Error("the models hold no tensors that could be merged; name models.");
        Model(donor);
        var types = models[donor].Reader.TensorNames.Select(name => models[donor].Reader.Find(name)!.Type)
            .Where(type => type.IsFloat()).Distinct().ToList();
        Type = file.Type ?? (types is [var only] && only != TensorType.F64 ? only : TensorType.F32);
        if (file.TokenizerSource is { } source) MergekitOutput.RequireOneVocabulary(file, source, [.. models.Keys]);
    }

    // Of a list of models the base is one, as in mergekit.
    private MergekitSlice Complete(MergekitSlice slice)
    {
        var listed = slice.Sources.Select(source => file.FolderOf(source.Model)).ToList();
        if (listed.Distinct(StringComparer.Ordinal).Count() < listed.Count)
            throw Error($"a model stands twice among those that are merged together ({string.Join(", ", listed)}); keep one.");
        if (file.HasSlices || file.BaseModel is null || listed.Contains(file.FolderOf(file.BaseModel))) return slice;
        return slice with { Sources = [.. slice.Sources, new MergekitSource(file.BaseModel, null, MergekitParameters.None)] };
    }

    private void RequireLayers(MergekitSlice slice)
    {
        var count = Count(slice.Sources[0]);
        foreach (var source in slice.Sources)
        {
            var model = Model(file.FolderOf(source.Model));
            if (source.Layers is { } range && range.End > model.Layers.Count)
            {
                throw Error(
                    $"'layer_range' [{range.First}, {range.End}] of model '{source.Model}' goes beyond its {model.Layers.Count} numbered " +
                    "layers; correct it.");
            }

            if (Count(source) != count)
            {
                throw Error(
                    $"model '{source.Model}' gives {Count(source)} layers where '{slice.Sources[0].Model}' gives {count}; merge as many " +
                    "of each.");
            }
        }

        var gradients = file.Parameters.HasGradients || slice.Parameters.HasGradients
            || slice.Sources.Any(source => source.Parameters.HasGradients);
        if (gradients && count == 0)
            throw Error($"a gradient goes over layers, but '{slice.Sources[0].Model}' has no numbered ones; give numbers.");
    }

    private int Count(MergekitSource source) => source.Layers is { } range
        ? range.End - range.First
        : Model(file.FolderOf(source.Model)).Layers.Count;

    private void AddOuter(MergekitSlice slice, bool embeddings)
    {
        var sources = slice.Sources.Select(source => Model(file.FolderOf(source.Model))).ToList();
        IReadOnlyList<IReadOnlyList<string>> names = [.. sources.Select(source => source.OuterOf(tied))];
        RequireSame(slice, names, "");
        foreach (var name in names[0].Where(name => LayeredCheckpoint.IsEmbedding(name) == embeddings))
            Add(slice, name, embeddings ? 0 : 1, [.. sources.Select(source => new TensorPlace(source.Reader, name))]);
    }

    private void AddLayers(MergekitSlice slice)
    {
        var count = Count(slice.Sources[0]);
        for (var i = 0; i < count; i++)
        {
            var sources = slice.Sources.Select(source =>
                (Model: Model(file.FolderOf(source.Model)), Layer: (source.Layers?.First ?? 0) + i)).ToList();
            RequireSame(slice, [.. sources.Select(source => source.Model.Layers[source.Layer])], $" in layer {i} of its slice");
            foreach (var below in sources[0].Model.Layers[sources[0].Layer])
            {
                Add(
                    slice, sources[0].Model.NameOf(layers.Count, below), count > 1 ? (double)i / (count - 1) : 1,
                    [.. sources.Select(source => new TensorPlace(source.Model.Reader, source.Model.NameOf(source.Layer, below)))]);
            }

            layers.Add((sources[0].Model.Reader.Folder, sources[0].Layer));
        }
    }

    private void RequireSame(MergekitSlice slice, IReadOnlyList<IReadOnlyList<string>> names, string where)
    {
        for (var i = 1; i < names.Count; i++)
        {
            var odd = names[0].Except(names[i]).Concat(names[i].Except(names[0])).FirstOrDefault();
            if (odd is null) continue;
            throw Error(
                $"models '{slice.Sources[0].Model}' and '{slice.Sources[i].Model}' do not have the same tensors{where}: only one of them " +
                $"has '{odd}'; merge models of one architecture.");
        }
    }

    private void Add(MergekitSlice slice, string name, double depth, IReadOnlyList<TensorPlace> places)
    {
        var parts = slice.Sources.Zip(places, (source, place) => (Source: source, Place: place)).ToList();
        var method = file.Method;
        TensorPlace? origin = null;
        var named = slice.BaseModel ?? file.BaseModel;
        var at = named is null ? -1 : parts.FindIndex(part => file.FolderOf(part.Source.Model) == file.FolderOf(named));
        if (MergekitMethods.ReadsTaskVectors(method))
        {
            if (at < 0)
            {
                throw Error(named is null
                    ? $"{method.Name} needs a 'base_model'; add it."
                    : $"base model '{named}' is not among the sources of a slice; add it with the layers that its sources belong to.");
            }

            origin = parts[at].Place;
            if (parts.Count > 1) parts.RemoveAt(at);
            else (method, origin) = (MergekitMethods.Copy, null); // nothing but the base
        }
        else if (method.Name == "slerp")
        {
            if (parts.Count == 1)
            {
                method = MergekitMethods.Copy;
            }
            else
            {
                if (parts.Count != 2 || at < 0)
                    throw Error("slerp merges two models, one of them the 'base_model', where t is 0; name them.");
                if (at == 1) parts.Reverse();
            }
        }
        else if (method.Name == "passthrough" && parts.Count != 1)
        {
            throw Error($"passthrough takes one model at a time, not {parts.Count}; give a slice one source, or leave out 'base_model'.");
        }

        tensors.Add(new MergedTensor(
            name, [.. parts.Select(part => part.Place)], origin, method, Arguments(method, slice, name, depth, parts)));
    }

    private MergeArguments Arguments(
        IMergeMethod method, MergekitSlice slice, string name, double depth, List<(MergekitSource Source, TensorPlace Place)> parts)
    {
        var own = method == file.Method; // a copy has nothing to read
        double? Whole(string parameter, string tensor) =>
            slice.Parameters.At(parameter, tensor, depth) ?? file.Parameters.At(parameter, tensor, depth);
        Dictionary<string, double> Values(IReadOnlyList<MergeParameter> parameters, Func<string, double?> at, string of)
        {
            var values = new Dictionary<string, double>(StringComparer.Ordinal);
            foreach (var parameter in own ? parameters : [])
            {
                if (at(parameter.Name) is { } value)
                    values.Add(parameter.Name, parameter is { Integral: true } && value != 0 ? 1 : value);
                else if (parameter.Name is "weight" or "t")
                    throw Error($"there is no '{parameter.Name}' for tensor '{name}'{of}; add it to the parameters.");
            }

            return values;
        }

        var recipe = new MethodRecipe(
            method.Name, Values(method.Parameters, parameter => Whole(parameter, name), ""),
            [.. parts.Select(part => new AdapterParameters(
                part.Source.Model,
                Values(
                    method.AdapterParameters,
                    parameter => part.Source.Parameters.At(parameter, part.Place.Name, depth) ?? Whole(parameter, part.Place.Name),
                    $" of model '{part.Source.Model}'")))],
            seed);
        MergeArguments arguments;
        try
        {
            arguments = MergeArguments.For(method, recipe);
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"{file.File}: {exception.Message}", exception);
        }

        if (method is LinearMerge && arguments["normalize"] == 1
            && Math.Abs(arguments.OfAdapters("weight").Sum()) < LinearMerge.LeastSum)
        {
            throw Error(
                $"the weights of tensor '{name}' sum to 0, by which linear divides; change one, or set 'normalize: false'.");
        }

        return arguments;
    }

    private LayeredCheckpoint Model(string folder)
    {
        if (models.TryGetValue(folder, out var model)) return model;
        if (!Directory.Exists(folder))
        {
            throw Error(folder.Contains('+', StringComparison.Ordinal)
                ? $"{folder}: no such folder; adapters are not added to models here: make a checkpoint with cuvee apply --format folded."
                : $"{folder}: there is no such folder; fetch the model and name its folder (paths start from the file's).");
        }

        model = LayeredCheckpoint.Open(folder);
        models.Add(folder, model);
        return model;
    }

    private BadInputException Error(string message) => new($"{file.File}: {message}");
}
