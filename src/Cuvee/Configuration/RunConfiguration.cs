using System.Text;

namespace Cuvee.Configuration;

/// <summary>
/// A run file, read and checked: immutable, every path absolute, every setting decided. Its keys are documented in docs/run-yaml.md.
/// </summary>
public sealed record RunConfiguration
{
    /// <summary>Where the run file lies.</summary>
    public required string File { get; init; }

    /// <summary>The run file, verbatim.</summary>
    public required string Text { get; init; }

    /// <summary>Folder of the base model.</summary>
    public required string Model { get; init; }

    public required PoolSelection Pool { get; init; }

    /// <summary>Records that the search may query.</summary>
    public required string Validation { get; init; }

    /// <summary>Records that only the comparison table sees.</summary>
    public string? Test { get; init; }

    public required SearchSettings Search { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>Folder of the results.</summary>
    public required string Out { get; init; }

    public ComparisonSettings? Compare { get; init; }

    /// <exception cref="RunConfigurationException">The file is missing, or <see cref="Parse"/> refuses it.</exception>
    public static RunConfiguration Load(string path)
    {
        try
        {
            return Parse(System.IO.File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true)), path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            throw new RunConfigurationException($"{path}: cannot be read ({exception.Message.TrimEnd('.')}); give a run file.", exception);
        }
    }

    /// <param name="text">YAML.</param>
    /// <param name="file">Its path, for errors; relative paths in the text start from its folder.</param>
    /// <exception cref="RunConfigurationException">Not YAML, an unknown or missing key, or a value out of range.</exception>
    public static RunConfiguration Parse(string text, string file)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        string Resolve(string path) => Path.GetFullPath(Path.Combine(folder, path));

        var root = YamlMapping.Parse(text, file);
        var model = root.RequiredText("model", "the folder of the base model");
        var pool = root.Mapping("pool") ?? throw root.Error("pool", "key 'pool' is missing; set pool.path to the folder of the adapters.");
        var poolPath = pool.RequiredText("path", "the folder of the adapters");
        var exclude = pool.Texts("exclude") ?? [];
        pool.ThrowIfUnknownKeys();
        var validation = root.RequiredText("validation", "a file of records");
        var test = root.Text("test");
        var search = SearchSettingsReader.Read(root);
        var seed = root.Seed("seed") ?? 42;
        var output = root.RequiredText("out", "the folder of the results");
        var compare = root.Mapping("compare") is { } mapping ? ComparisonSettings.Read(mapping) : null;
        root.ThrowIfUnknownKeys();
        if (compare is not null && test is null)
            throw root.Error("compare", "'compare' needs 'test', a file of records that no search sees.");
        return new RunConfiguration
        {
            File = Path.GetFullPath(file),
            Text = text,
            Model = Resolve(model),
            Pool = new PoolSelection(Resolve(poolPath), exclude),
            Validation = Resolve(validation),
            Test = test is null ? null : Resolve(test),
            Search = search,
            Seed = seed,
            Out = Resolve(output),
            Compare = compare,
        };
    }
}
