using Cuvee.Formats;
using Cuvee.Hosting;
using Cuvee.Hosting.Served;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.Served;

namespace Cuvee.Providers;

/// <summary><c>model: {provider: cuvee, url}</c>: a <c>cuvee serve</c>, which keeps its weights and serves any recipe.</summary>
public sealed class ServedProviderFactory(ServiceNetwork network) : IProviderFactory, IServerInspector
{
    public string Name => "cuvee";

    public IProvider Create(ProviderSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var (service, _) = ServiceKeys.Read(settings.Model);
        var model = settings.Model.Has("tokenizer") ? new LocalModel(settings) : null;
        var candidates = settings.Model.Integer("candidates", 1, 1000) ?? service.Slots;
        return new ServedProvider(
            service, candidates, model, new LocalPool(settings.Pool, settings.File, settings.Methods), settings.File, network);
    }

    public async Task<ServerReport?> InspectAsync(JsonService service, CancellationToken cancellationToken)
    {
        try
        {
            if (await ServedDescription.ReadAsync(service, cancellationToken).ConfigureAwait(false) is not { } server) return null;
            await using var host = new ServedAdapterHost(
                service, server, [.. server.Adapters.Select(adapter => adapter.Name)], TextRules.Plain, 1);
            return ServedProvider.Report(
                server, await AdapterHostProbe.RunAsync(host, server.ContextLength, cancellationToken).ConfigureAwait(false));
        }
        catch (ServiceException exception) when (exception.Status is 404 or 405)
        {
            return null;
        }
    }
}

/// <param name="model">Counts tokens and knows the chat template; null: nobody here does.</param>
internal sealed class ServedProvider(
    JsonServiceSettings settings, int candidates, LocalModel? model, LocalPool pool, string file, ServiceNetwork network) : IServedProvider
{
    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];

    private ServedDescription? server;

    public string Description => $"cuvee at {settings.Url}";

    public ProviderCapabilities Capabilities => new(
        LogProbabilityDetail.PerToken, Answers: true, BothSpaces, Methods: true, Weights: pool.HasWeights, Server.ContextLength,
        candidates,
        Layers: [.. Own.SelectMany(adapter => adapter.Layers).Distinct().Order().Select(layer => $"layers.{layer}")]);

    public IReadOnlyList<string> AdapterNames => pool.Names;

    public ModelChat Chat => model?.Folder.Chat ?? new ModelChat(
        null, "the server does not tell; name the folder of its tokenizer as model.tokenizer", null, null);

    private ServedDescription Server => server ??= Describe();

    private IEnumerable<ServedAdapter> Own => Server.Adapters.Where(adapter => pool.Names.Contains(adapter.Name));

    public void Check(MergeSpace space)
    {
        pool.Check([.. Server.Adapters.Select(adapter => adapter.Name)], Description);
        if (space != MergeSpace.Factors) return;
        var first = Own.First();
        if (Own.FirstOrDefault(adapter => !adapter.Ranks.SequenceEqual(first.Ranks)) is { } other)
        {
            throw new BadInputException(
                $"{file}: adapter '{other.Name}' has rank {string.Join(", ", other.Ranks)} and '{first.Name}' rank " +
                $"{string.Join(", ", first.Ranks)}, which space 'factors' cannot combine; set space: delta or exclude one.");
        }
    }

    public IReadOnlyDictionary<string, string> Identity()
    {
        var inputs = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["server/model"] = Server.Model,
            ["server/fingerprint"] = Server.Fingerprint,
        };
        model?.AddIdentity(inputs);
        pool.AddIdentity(inputs);
        return inputs;
    }

    public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file) =>
        model is null ? null : RecordLengths.Of(records, model.Encoder(rules), Server.ContextLength, file);

    public long MemoryBytes(double tokens, bool generates) =>
        LocalModel.RuntimeBytes + (model is null ? 0 : pool.MemoryBytes(model.Folder.Config));

    public async Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken)
    {
        var service = network.Connect(settings);
        try
        {
            var host = new ServedAdapterHost(service, Server, pool.Names, rules, candidates);
            var findings = await ProbeAsync(host, cancellationToken).ConfigureAwait(false);
            if (findings.Refusal is { } refusal) throw new BadInputException($"{file}: {Description}: {refusal}.");
            var (merger, doubts) = pool.Load(model?.Folder.Config);
            return new ServiceSession(service, () => service.Retries, host, merger, doubts);
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    public async Task<ServerReport> InspectAsync(TextRules rules, CancellationToken cancellationToken)
    {
        using var service = network.Connect(settings);
        await using var host = new ServedAdapterHost(service, Server, pool.Names, rules, candidates);
        return Report(Server, await ProbeAsync(host, cancellationToken).ConfigureAwait(false));
    }

    public static ServerReport Report(ServedDescription server, AdapterHostFindings findings) => new(
        "cuvee",
        [
            ("model", server.Model),
            ("fingerprint", server.Fingerprint),
            ("context", $"{server.ContextLength} tokens"),
            ("adapters", string.Join(", ", server.Adapters.Select(adapter => adapter.Name))),
            ("can", "log-probabilities per token and answers, of any recipe"),
            ("same question twice", AdapterHostFindings.Nats(findings.Noise)),
            ("an adapter against the base model", AdapterHostFindings.Nats(findings.Effect)),
            ("one adapter after another against it alone", AdapterHostFindings.Nats(findings.Leak)),
        ],
        findings.Refusal,
        null);

    private Task<AdapterHostFindings> ProbeAsync(ServedAdapterHost host, CancellationToken cancellationToken) =>
        AdapterHostProbe.RunAsync(host, Server.ContextLength, cancellationToken);

    private ServedDescription Describe()
    {
        using var service = network.Connect(settings);
        return ServiceSession.Ask(file, () => ServedDescription.ReadAsync(service, CancellationToken.None)) ?? throw new BadInputException(
            $"{file}: 'model.url': the server at {settings.Url} is no cuvee serve; name its provider.");
    }
}
