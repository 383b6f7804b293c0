using Cuvee.Formats;
using Cuvee.LanguageModels.Chat;
using Cuvee.Metrics;
using Cuvee.Objectives;
using Cuvee.Providers;
using Cuvee.Searches;

namespace Cuvee.Configuration;

/// <summary>
/// A run file, read and checked: immutable, every path absolute, every setting decided. Its keys are documented in docs/run-yaml.md.
/// </summary>
public sealed record RunConfiguration
{
    private const int DefaultMaxTokens = 96;
    private const double HighestPrice = 1e9;

    private static readonly string[] TemplateNames = [TextRules.Auto, .. ChatTemplates.All.Select(template => template.Name)];

    private static readonly Dictionary<string, Fallback> Fallbacks = new(StringComparer.Ordinal)
    {
        ["best-single"] = Fallback.BestSingle,
        ["none"] = Fallback.None,
    };

    /// <summary>Where the run file lies.</summary>
    public required string File { get; init; }

    /// <summary>The run file, verbatim.</summary>
    public required string Text { get; init; }

    /// <summary>What <c>model:</c> and <c>pool:</c> name.</summary>
    public required IProvider Provider { get; init; }

    public required Catalog Catalog { get; init; }

    /// <summary>What the provider charges; null: nobody said.</summary>
    public TokenPrice? Price { get; init; }

    public required PoolSelection Pool { get; init; }

    /// <summary>Records that the search may query.</summary>
    public required string Validation { get; init; }

    /// <summary>Records that only the comparison table sees.</summary>
    public string? Test { get; init; }

    /// <summary>The template of prompts by name, or auto; null: the model's own for conversations, none for others.</summary>
    public string? Template { get; init; }

    /// <summary>What closes every completion: auto, none or a token of the model.</summary>
    public string CompletionEnd { get; init; } = TextRules.Auto;

    public required SearchSettings Search { get; init; }

    /// <summary>A recipe.json that the search begins with, or the folder of its run; null: it begins by itself.</summary>
    public string? Start { get; init; }

    /// <summary>What the search minimises; where there are several, the first one, which decides between results.</summary>
    public IObjective Objective => Objectives[0];

    /// <summary>At least one; more than one only for a search that reads several.</summary>
    public required IReadOnlyList<IObjective> Objectives { get; init; }

    /// <summary>Shown beside the loss for results and controls; null when the run names none.</summary>
    public IMetric? Metric { get; init; }

    /// <summary>Longest generated answer in tokens.</summary>
    public int MaxTokens { get; init; } = DefaultMaxTokens;

    /// <summary>What wins when a search finds nothing better.</summary>
    public Fallback Fallback { get; init; }

    public OutputSettings Output { get; init; } = OutputSettings.Default;

    public required ulong Seed { get; init; }

    /// <summary>Folder of the results.</summary>
    public required string Out { get; init; }

    /// <summary>Folder of answers that runs share; null: none.</summary>
    public string? Cache { get; init; }

    public ComparisonSettings? Compare { get; init; }

    /// <exception cref="BadInputException">The file is missing, or <see cref="Parse"/> refuses it.</exception>
    public static RunConfiguration Load(string path, Catalog? catalog = null) => Parse(YamlMapping.ReadText(path), path, catalog);

    /// <param name="text">YAML.</param>
    /// <param name="file">Its path, for errors; relative paths in the text start from its folder.</param>
    /// <param name="catalog">What the file may name; null for <see cref="Cuvee.Catalog.Default"/>.</param>
    /// <exception cref="BadInputException">Not YAML, an unknown or missing key, or a value out of range.</exception>
    public static RunConfiguration Parse(string text, string file, Catalog? catalog = null)
    {
        catalog ??= Catalog.Default;
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        string Resolve(string path) => Path.GetFullPath(Path.Combine(folder, path));

        var root = YamlMapping.Parse(text, file);
        if (!root.Has("model")) throw root.Missing("model", "set it to the folder of the base model, or to a provider");
        var pool = PoolSelection.Read(
            root.Mapping("pool") ?? throw root.Missing("pool", "set pool.path to the folder of the adapters"), Resolve);
        var (provider, price) = ReadProvider(root.MappingOrText("model", "path"), pool, file, catalog);
        var validation = root.RequiredText("validation", "a file of records");
        var test = root.Text("test");
        var template = root.Choice("template", TemplateNames, name => name);
        var completionEnd = root.Text("completion_end") ?? TextRules.Auto;
        var search = SearchSettingsReader.Read(root, catalog);
        var start = root.Text("start");
        if (start is not null && !search.Search.TakesStart)
            throw root.Error("start", $"search '{search.Search.Name}' begins with no recipe of yours; leave 'start' out.");
        var objectives = root.Choices("objective", catalog.AllObjectives, each => each.Name) ?? [catalog.Objectives[0]];
        var metric = root.Choice("metric", catalog.Metrics, each => each.Name);
        var maxTokens = root.Integer("max_tokens", 1, 4096);
        var fallback = root.Choice("fallback", Fallbacks) ?? Fallback.BestSingle;
        var output = root.Mapping("output") is { } written ? OutputSettings.Read(written) : OutputSettings.Default;
        var seed = root.Seed("seed") ?? 42;
        var results = root.RequiredText("out", "the folder of the results");
        var cache = root.Text("cache");
        int? comparedTokens = null;
        var compare = root.Mapping("compare") is { } mapping ? ComparisonSettings.Read(mapping, catalog, out comparedTokens) : null;
        root.ThrowIfUnknownKeys();
        if (price is null && (search.Budget.Cost ?? compare?.Searches.Max(each => each.Budget.Cost)) is not null)
        {
            throw root.Error(
                "budget", "'budget.cost' needs prices; set model.price to what a million tokens cost: { prompt: 0.15, completion: 0.6 }.");
        }

        if (compare is not null && test is null)
            throw root.Error("compare", "'compare' needs 'test', a file of records that no search sees.");
        if (comparedTokens is not null && maxTokens is not null && comparedTokens != maxTokens)
            throw root.Error("max_tokens", "'max_tokens' and 'compare.max_tokens' differ; keep the first.");
        return new RunConfiguration
        {
            File = Path.GetFullPath(file),
            Text = text,
            Provider = provider,
            Catalog = catalog,
            Price = price,
            Pool = pool,
            Validation = Resolve(validation),
            Test = test is null ? null : Resolve(test),
            Template = template,
            CompletionEnd = completionEnd,
            Search = search,
            Start = start is null ? null : Resolve(start),
            Objectives = objectives,
            Metric = metric ?? compare?.Metric ?? catalog.Metrics.FirstOrDefault(each => each.Name == objectives[0].Name),
            MaxTokens = maxTokens ?? comparedTokens ?? DefaultMaxTokens,
            Fallback = fallback,
            Output = output,
            Seed = seed,
            Out = Resolve(results),
            Cache = cache is null ? null : Resolve(cache),
            Compare = compare,
        };
    }

    private static (IProvider Provider, TokenPrice? Price) ReadProvider(YamlMapping model, PoolSelection pool, string file, Catalog catalog)
    {
        var factory = model.Choice("provider", catalog.Providers, each => each.Name) ?? catalog.Providers[0];
        var provider = factory.Create(new ProviderSettings(model, pool, file, catalog.Methods));
        var price = model.Mapping("price") is { } prices ? ReadPrice(prices) : null;
        model.ThrowIfUnknownKeys();
        return (provider, price);
    }

    private static TokenPrice ReadPrice(YamlMapping prices)
    {
        double Of(string key) => prices.Number(key, 0, HighestPrice)
            ?? throw prices.Missing(key, $"set it to what a million {key} tokens cost");
        var price = new TokenPrice(Of("prompt"), Of("completion"));
        prices.ThrowIfUnknownKeys();
        return price;
    }
}

/// <summary>What ships when no candidate beats the best single adapter.</summary>
public enum Fallback
{
    /// <summary>That adapter, alone.</summary>
    BestSingle,

    /// <summary>The search's own best, with a warning.</summary>
    None,
}
