using Cuvee.Formats;
using Cuvee.Hosting;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.Lab.Zoo;
using Cuvee.Merging;

namespace Cuvee.Lab.Reproduction;

/// <summary>
/// What all experiments share: zoo, data sets, folder of runs. The base model and the whole pool are loaded when something is measured that
/// no earlier process has measured.
/// </summary>
internal sealed class ExperimentLab : IAsyncDisposable
{
    private readonly Lazy<EmbeddedModel> model;
    private readonly Lazy<EmbeddedAdapterHost> host;
    private readonly Lazy<string> baseHash;
    private readonly Dictionary<string, string> adapterHashes = new(StringComparer.Ordinal);

    /// <param name="runsFolder">Finished runs in it are used again, cut ones go on.</param>
    /// <param name="measured">What was measured before, here or elsewhere.</param>
    /// <param name="output">Progress, for people.</param>
    /// <exception cref="BadInputException">There is no zoo.</exception>
    public ExperimentLab(
        string zooFolder, DataSetCatalog catalog, string runsFolder, MeasuredRuns measured, TimeProvider time, TextWriter output)
    {
        (Catalog, Measured, Time, Output) = (catalog, measured, time, output);
        RunsFolder = Path.GetFullPath(runsFolder);
        BaseFolder = Path.GetFullPath(Path.Combine(zooFolder, "base"));
        AdaptersFolder = Path.GetFullPath(Path.Combine(zooFolder, "adapters"));
        if (!File.Exists(Path.Combine(BaseFolder, "model.safetensors")) || !Directory.Exists(AdaptersFolder))
        {
            throw new BadInputException(
                $"{zooFolder}: holds no zoo (base/model.safetensors and adapters/); name its folder with --zoo, or build one with " +
                "cuvee-lab build.");
        }

        AdapterNames = [.. AdapterPool.AdapterFolders(AdaptersFolder).Select(folder => Path.GetFileName(folder))];
        model = new(() => EmbeddedModel.Load(BaseFolder));
        host = new(() => new EmbeddedAdapterHost(model.Value, new RecipeMerger(AdapterPool.Load(AdaptersFolder))));
        baseHash = new(() => HashOfFolder(BaseFolder));
    }

    public string BaseFolder { get; }

    public string AdaptersFolder { get; }

    /// <summary>In ordinal order.</summary>
    public IReadOnlyList<string> AdapterNames { get; }

    public DataSetCatalog Catalog { get; }

    public string RunsFolder { get; }

    public MeasuredRuns Measured { get; }

    public TimeProvider Time { get; }

    public TextWriter Output { get; }

    /// <summary>The base model; not to be used while a lease of <see cref="Host"/> is out.</summary>
    public EmbeddedModel Model => model.Value;

    /// <summary>Makes recipes over all adapters of the zoo queryable.</summary>
    public IAdapterHost Host => host.Value;

    /// <summary>Of the bytes of the base model and of some adapters.</summary>
    public string HashOf(IEnumerable<string> adapters) => ZooFingerprint.Of([baseHash.Value, .. adapters.Select(name =>
    {
        if (!adapterHashes.TryGetValue(name, out var hash))
            adapterHashes.Add(name, hash = name + HashOfFolder(Path.Combine(AdaptersFolder, name)));
        return hash;
    })]);

    /// <summary>Of names and bytes.</summary>
    private static string HashOfFolder(string folder) => ZooFingerprint.Of(
        [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(path => Path.GetFileName(path) + ZooFingerprint.OfFile(path))]);

    public async ValueTask DisposeAsync()
    {
        if (host.IsValueCreated) await host.Value.DisposeAsync();
        if (model.IsValueCreated) model.Value.Dispose();
    }
}
