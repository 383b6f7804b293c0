using Cuvee.Formats;
using Cuvee.Hosting;
using Cuvee.Hosting.Uploads;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.Sglang;
using Cuvee.LanguageModels.Vllm;

namespace Cuvee.Providers;

/// <summary>
/// <c>model: {provider: vllm|sglang, url, tokenizer, exchange}</c>: servers that load one merged adapter a candidate from a folder that
/// they share with this machine.
/// </summary>
public sealed class UploadProviderFactory : IProviderFactory, IServerInspector
{
    private readonly UploadDialect dialect;
    private readonly ServiceNetwork network;

    private UploadProviderFactory(UploadDialect dialect, ServiceNetwork network) => (this.dialect, this.network) = (dialect, network);

    public string Name => dialect.Name;

    public static UploadProviderFactory Vllm(ServiceNetwork network) => new(
        new UploadDialect(
            "vllm",
            async (service, cancellationToken) =>
            {
                var (version, model, context) = await VllmServer.DescribeAsync(service, cancellationToken).ConfigureAwait(false);
                return new UploadServerDescription($"vLLM {version}", model, context);
            },
            (service, tokens, model) => new VllmServer(service, tokens, model)),
        network);

    public static UploadProviderFactory Sglang(ServiceNetwork network) => new(
        new UploadDialect(
            "sglang",
            async (service, cancellationToken) => new UploadServerDescription(
                "SGLang", await SglangServer.DescribeAsync(service, cancellationToken).ConfigureAwait(false), null),
            (service, tokens, _) => new SglangServer(service, tokens)),
        network);

    public IProvider Create(ProviderSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var (service, _) = ServiceKeys.Read(settings.Model);
        var run = Path.GetDirectoryName(Path.GetFullPath(settings.File))!;
        var exchange = Path.GetFullPath(Path.Combine(
            run, settings.Model.RequiredText("exchange", "a folder that this machine and the server share, where candidates are written")));
        var uploads = new UploadSettings(
            exchange, settings.Model.Text("server_exchange") ?? exchange, settings.Model.Integer("max_rank", 1, 512) ?? 16, "",
            settings.Model.Integer("candidates", 1, 1000) ?? 1);
        if (settings.Pool.Path is null)
        {
            throw new BadInputException(
                $"{settings.File}: pool.path is missing; {Name} is given merged adapters, which takes the folder of the pool's weights.");
        }

        return new UploadProvider(
            dialect, service, uploads, new LocalModel(settings), new LocalPool(settings.Pool, settings.File, settings.Methods),
            settings.File, network);
    }

    public async Task<ServerReport?> InspectAsync(JsonService service, CancellationToken cancellationToken)
    {
        try
        {
            return UploadProvider.Report(
                dialect.Name, await dialect.DescribeAsync(service, cancellationToken).ConfigureAwait(false), null);
        }
        catch (ServiceException exception) when (exception.Status is 404 or 405 or (>= 200 and < 300))
        {
            return null;
        }
    }
}

/// <summary>What a server that takes uploads says of itself.</summary>
internal sealed record UploadServerDescription(string Version, string Model, int? ContextLength);

internal sealed record UploadDialect(
    string Name,
    Func<JsonService, CancellationToken, Task<UploadServerDescription>> DescribeAsync,
    Func<JsonService, RecordTokens, string, IAdapterServer> Open);

internal sealed class UploadProvider(
    UploadDialect dialect, JsonServiceSettings settings, UploadSettings uploads, LocalModel model, LocalPool pool, string file,
    ServiceNetwork network) : IServedProvider
{
    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];

    private UploadServerDescription? server;

    public string Description => $"{dialect.Name} at {settings.Url}";

    public ProviderCapabilities Capabilities => new(
        LogProbabilityDetail.PerToken, Answers: true, BothSpaces, Methods: true, Weights: true, ContextLength, uploads.Candidates,
        Layers: pool.Layers);

    public IReadOnlyList<string> AdapterNames => pool.Names;

    public ModelChat Chat => model.Folder.Chat;

    private UploadServerDescription Server => server ??= Describe();

    private int ContextLength => Math.Min(Server.ContextLength ?? int.MaxValue, model.Folder.Config.MaxPositionEmbeddings);

    public void Check(MergeSpace space)
    {
        pool.Check(pool.Names, Description);
        pool.RequireFactors(space);
        if (!Directory.Exists(uploads.Folder))
            throw new BadInputException($"{file}: 'model.exchange' names {uploads.Folder}, which is no folder; make it, and share it.");
        _ = Server;
    }

    public IReadOnlyDictionary<string, string> Identity()
    {
        var inputs = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["server/version"] = Server.Version,
            ["server/model"] = Server.Model,
            ["server/max_rank"] = $"{uploads.MaxRank}",
        };
        model.AddIdentity(inputs);
        pool.AddIdentity(inputs);
        return inputs;
    }

    public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file) =>
        RecordLengths.Of(records, model.Encoder(rules), ContextLength, file);

    public long MemoryBytes(double tokens, bool generates) => LocalModel.RuntimeBytes + pool.MemoryBytes(model.Folder.Config);

    public async Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken)
    {
        var (session, findings) = await ConnectAsync(rules, cancellationToken).ConfigureAwait(false);
        if (findings.Refusal is not { } refusal) return session;
        await session.DisposeAsync().ConfigureAwait(false);
        throw new BadInputException($"{file}: {Description}: {refusal}.");
    }

    public async Task<ServerReport> InspectAsync(TextRules rules, CancellationToken cancellationToken)
    {
        var (session, findings) = await ConnectAsync(rules, cancellationToken).ConfigureAwait(false);
        await session.DisposeAsync().ConfigureAwait(false);
        return Report(dialect.Name, Server, findings);
    }

    /// <param name="findings">Null where no adapters are at hand to try.</param>
    public static ServerReport Report(string kind, UploadServerDescription server, AdapterHostFindings? findings)
    {
        List<(string, string)> facts =
        [
            ("version", server.Version),
            ("model", server.Model),
            ("context", server.ContextLength is { } length ? $"{length} tokens" : "not told"),
            ("can", "log-probabilities per token and answers, of one uploaded adapter a candidate (any recipe)"),
        ];
        if (findings is not null)
        {
            facts.Add(("same question twice", AdapterHostFindings.Nats(findings.Noise)));
            facts.Add(("an adapter against the base model", AdapterHostFindings.Nats(findings.Effect)));
            facts.Add(("one adapter after another against it alone", AdapterHostFindings.Nats(findings.Leak)));
        }

        return new ServerReport(kind, facts, findings?.Refusal, null);
    }

    private async Task<(ServiceSession Session, AdapterHostFindings Findings)> ConnectAsync(
        TextRules rules, CancellationToken cancellationToken)
    {
        var service = network.Connect(settings);
        try
        {
            var tokens = new RecordTokens(model.Encoder(rules), ContextLength);
            var (merger, doubts) = pool.Load(model.Folder.Config);
            var host = new UploadingAdapterHost(
                dialect.Open(service, tokens, Server.Model), merger!, uploads with { Prefix = network.FreshName("cuvee") });
            var findings = await AdapterHostProbe.RunAsync(host, ContextLength, cancellationToken).ConfigureAwait(false);
            var session = new ServiceSession(service, () => service.Retries, host, merger, doubts)
            {
                Written = host.RealizeWrittenAsync,
                LargestMeasuredRank = uploads.MaxRank,
            };
            return (session, findings);
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    private UploadServerDescription Describe()
    {
        using var service = network.Connect(settings);
        return ServiceSession.Ask(file, () => dialect.DescribeAsync(service, CancellationToken.None));
    }
}
