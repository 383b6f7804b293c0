using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging.Methods;

namespace Cuvee.Mergekit;

/// <summary>
/// A mergekit configuration (Goddard et al., arXiv 2403.13257), read and checked. What Cuvee does not merge is refused by name. Models are
/// folders; relative ones start from the file's.
/// </summary>
public sealed record MergekitFile
{
    private static readonly Dictionary<string, TensorType> Types = new(StringComparer.Ordinal)
    {
        ["float32"] = TensorType.F32,
        ["bfloat16"] = TensorType.BF16,
        ["float16"] = TensorType.F16,
    };

    public required string File { get; init; }

    /// <summary>Verbatim.</summary>
    public required string Text { get; init; }

    /// <summary>One of <see cref="MergekitMethods.All"/>.</summary>
    public required IMergeMethod Method { get; init; }

    /// <summary>As written; null: none.</summary>
    public string? BaseModel { get; init; }

    /// <summary>One for <c>models</c>, its sources without layers.</summary>
    public required IReadOnlyList<MergekitSlice> Slices { get; init; }

    public required MergekitParameters Parameters { get; init; }

    /// <summary><c>out_dtype</c>, else <c>dtype</c>; null: the base model's, or the first one's. Everything is computed in fp32.</summary>
    public TensorType? Type { get; init; }

    /// <summary><c>base</c>, <c>union</c> or a model; null: not given.</summary>
    public string? TokenizerSource { get; init; }

    /// <summary>Whether the layers of the result are put together from slices.</summary>
    public bool HasSlices => Slices[0].Sources[0].Layers is not null;

    /// <summary>Whether a file is one of mergekit's rather than a run file, by its keys.</summary>
    /// <exception cref="BadInputException">Not YAML.</exception>
    public static bool Describes(string text, string file)
    {
        var root = YamlMapping.Parse(text, file);
        return root.Has("merge_method") || root.Has("slices");
    }

    /// <param name="text">YAML.</param>
    /// <param name="file">Its path.</param>
    /// <exception cref="BadInputException">Not YAML, or something in it is none that Cuvee merges.</exception>
    public static MergekitFile Parse(string text, string file)
    {
        var root = YamlMapping.Parse(text, file);
        foreach (var key in (ReadOnlySpan<string>)["modules", "tokenizer", "chat_template"])
            ThrowIfSet(root, key);
        if (!root.Has("merge_method")) throw root.Missing("merge_method", "set it to a method of mergekit");
        var method = root.Choice("merge_method", MergekitMethods.All, each => each.Name)!;
        var (lists, models) = (root.Mappings("slices"), root.Mappings("models"));
        if ((lists is null) == (models is null))
            throw root.Error("models", "exactly one of 'models' and 'slices' must be there; keep one.");
        var slices = models is null
            ? lists!.Select(slice => Slice(slice, method)).ToList()
            : [new MergekitSlice([.. models.Select(model => Source(model, method, layers: false))], null, MergekitParameters.None)];
        if (slices.Count == 0 || slices.Any(slice => slice.Sources.Count == 0))
            throw root.Error("models", "there is a list without models; name at least one.");
        var read = new MergekitFile
        {
            File = Path.GetFullPath(file),
            Text = text,
            Method = method,
            BaseModel = root.Text("base_model"),
            Slices = slices,
            Parameters = MergekitParameters.Read(root, [.. Names(method.Parameters), .. Names(method.AdapterParameters)]),
            Type = ReadType(root, "dtype"),
            TokenizerSource = root.Text("tokenizer_source"),
        };
        read = read with { Type = ReadType(root, "out_dtype") ?? read.Type };
        root.ThrowIfUnknownKeys();
        return read;
    }

    /// <summary>The folder that a model's name means.</summary>
    public string FolderOf(string model) => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(File)!, model));

    private static MergekitSlice Slice(YamlMapping slice, IMergeMethod method)
    {
        ThrowIfSet(slice, "residual_weight");
        var sources = slice.Mappings("sources") ?? throw slice.Error("sources", "a slice has no 'sources'; add them.");
        var read = new MergekitSlice(
            [.. sources.Select(source => Source(source, method, layers: true))], slice.Text("base_model"),
            MergekitParameters.Read(slice, [.. Names(method.Parameters), .. Names(method.AdapterParameters)]));
        slice.ThrowIfUnknownKeys();
        return read;
    }

    private static MergekitSource Source(YamlMapping source, IMergeMethod method, bool layers)
    {
        var model = source.RequiredText("model", "the folder of a model");
        var range = layers ? Range(source) : ((int, int)?)null;
        if (source.Mapping("parameters") is { } own)
        {
            foreach (var parameter in method.Parameters.Where(parameter => own.Has(parameter.Name)))
            {
                throw own.Error(
                    parameter.Name, $"'{parameter.Name}' is read for the merge as a whole, not of a model; move it to the 'parameters' " +
                        "of the file or of a slice.");
            }
        }

        var read = new MergekitSource(model, range, MergekitParameters.Read(source, [.. Names(method.AdapterParameters)]));
        source.ThrowIfUnknownKeys();
        return read;
    }

    private static (int First, int End) Range(YamlMapping source) =>
        source.NumberOrNumbers("layer_range") is [var first, var end] && first >= 0 && end > first && end == (int)end
            && first == (int)first
            ? ((int)first, (int)end)
            : throw source.Error("layer_range", "'layer_range' must be the first layer and the one behind the last, such as [0, 16].");

    private static TensorType? ReadType(YamlMapping root, string key)
    {
        if (root.Text(key) is not { } text) return null;
        return Types.TryGetValue(text.StartsWith("torch.", StringComparison.Ordinal) ? text[6..] : text, out var type)
            ? type
            : throw root.Error(key, $"'{key}' is '{text}'; Cuvee writes {string.Join(", ", Types.Keys)}.");
    }

    private static void ThrowIfSet(YamlMapping mapping, string key)
    {
        if (mapping.Has(key)) throw mapping.Error(key, $"'{key}' is a part of mergekit that Cuvee does not merge; remove it.");
    }

    private static IEnumerable<string> Names(IReadOnlyList<MergeParameter> parameters) => parameters.Select(parameter => parameter.Name);
}

/// <summary>Some layers of the result, or all of a model.</summary>
/// <param name="BaseModel">The slice's own; null: the file's.</param>
public sealed record MergekitSlice(IReadOnlyList<MergekitSource> Sources, string? BaseModel, MergekitParameters Parameters);

/// <param name="Model">As written.</param>
/// <param name="Layers">First layer and the one behind the last; null: all.</param>
public sealed record MergekitSource(string Model, (int First, int End)? Layers, MergekitParameters Parameters);
