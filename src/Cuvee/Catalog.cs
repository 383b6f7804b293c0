using Cuvee.Merging.Methods;
using Cuvee.Metrics;
using Cuvee.Objectives;
using Cuvee.Providers;
using Cuvee.Searches;

namespace Cuvee;

/// <summary>
/// Everything that a run file can name. A stranger adds a search, merge method, objective or provider with one object:
/// <c>Catalog.Default with { Searches = [.. Catalog.Default.Searches, new MySearch()] }</c>. Names are unique in each list. Immutable.
/// </summary>
public sealed record Catalog
{
    public static Catalog Default { get; } = new();

    public MergeMethods Methods { get; init; } = MergeMethods.Default;

    public IReadOnlyList<IMetric> Metrics { get; init; } = [.. MetricCatalog.All, new CommandMetric()];

    /// <summary>Those that are no metric; every metric of <see cref="Metrics"/> can be an objective too.</summary>
    public IReadOnlyList<IObjective> Objectives { get; init; } = [new CrossEntropyObjective(), new RecordCrossEntropyObjective()];

    public IReadOnlyList<ISearch> Searches { get; init; } =
    [
        new EvoMergingSearch(),
        new FisherProbingSearch(),
        new CmaEsSearch(),
        new NaturalNichesSearch(),
        new Nsga2Search(),
        EvolutionarySearch.Parameters,
        EvolutionarySearch.Paths,
        EvolutionarySearch.ParametersThenPaths,
        new RandomWeightsSearch(),
    ];

    public IReadOnlyList<IProviderFactory> Providers { get; init; } = [new EmbeddedProviderFactory(), new CheckpointProviderFactory()];

    /// <summary>With the providers that ask servers, over this network, and programs, by its clock.</summary>
    public Catalog WithServices(ServiceNetwork network) => this with
    {
        Providers =
        [
            .. Providers,
            new CommandProviderFactory(network.Time),
            new ServedProviderFactory(network),
            new LlamaCppProviderFactory(network),
            UploadProviderFactory.Vllm(network),
            UploadProviderFactory.Sglang(network),
            ChatProviderFactory.OverHttp(network),
        ],
    };

    /// <summary>Searches, then those over the parameters of <see cref="Methods"/>.</summary>
    public IReadOnlyList<ISearch> AllSearches => [.. Searches, new MergeMethodSearch(Methods), new GridSearch(Methods)];

    internal IReadOnlyList<IObjective> AllObjectives => [.. Objectives, .. Metrics.Select(metric => new MetricObjective(metric))];
}
