using Cuvee.Formats;
using Cuvee.Hosting.LlamaCpp;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.LlamaCpp;

namespace Cuvee.Providers;

/// <summary><c>model: {provider: llama.cpp, url, tokenizer}</c>: a llama-server that was started with the pool's adapters.</summary>
public sealed class LlamaCppProviderFactory(ServiceNetwork network) : IProviderFactory, IServerInspector
{
    public string Name => "llama.cpp";

    public IProvider Create(ProviderSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var (service, hasSlots) = ServiceKeys.Read(settings.Model);
        return new LlamaCppProvider(
            service, hasSlots, new LocalModel(settings), new LocalPool(settings.Pool, settings.File, settings.Methods), settings.File,
            network);
    }

    public async Task<ServerReport?> InspectAsync(JsonService service, CancellationToken cancellationToken)
    {
        LlamaCppDescription description;
        try
        {
            description = await LlamaCppDescription.ReadAsync(service, cancellationToken).ConfigureAwait(false);
        }
        catch (ServiceException exception) when (exception.Status is 404 or 405 or (>= 200 and < 300))
        {
            return null;
        }

        var probe = await LlamaCppProbe.OfAsync(service, description, cancellationToken).ConfigureAwait(false);
        return LlamaCppReport.Of(description, await probe.RunAsync(cancellationToken).ConfigureAwait(false));
    }
}

internal sealed class LlamaCppProvider(
    JsonServiceSettings settings, bool hasSlots, LocalModel model, LocalPool pool, string file, ServiceNetwork network) : IServedProvider
{
    private static readonly HashSet<MergeSpace> DeltaOnly = [MergeSpace.Delta];

    private (LlamaCppDescription Description, ServedAdapters Adapters)? server;

    public string Description => $"llama.cpp at {settings.Url}";

    public ProviderCapabilities Capabilities => new(
        LogProbabilityDetail.PerToken, Answers: true, DeltaOnly, Methods: false, Weights: pool.HasWeights, ContextLength,
        MaxConcurrentLeases: 1, KeepFractions: Server.Adapters.KeepFractions(pool.Names));

    public IReadOnlyList<string> AdapterNames => pool.Names;

    public ModelChat Chat => model.Folder.Chat;

    private int ContextLength => Math.Min(Server.Description.ContextLength, model.Folder.Config.MaxPositionEmbeddings);

    private (LlamaCppDescription Description, ServedAdapters Adapters) Server => server ??= Describe();

    public void Check(MergeSpace space)
    {
        pool.Check(Server.Adapters.Names, Description);
        var (served, own) = (Server.Description.Vocabulary, model.Folder.Config.VocabSize);
        if (served != own)
        {
            throw new BadInputException(
                $"{file}: {Description} has a vocabulary of {served} tokens and {model.Folder.Path} one of {own}; name the tokenizer of " +
                "the served model.");
        }
    }

    public IReadOnlyDictionary<string, string> Identity()
    {
        var (description, _) = Server;
        var inputs = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["server/build"] = $"llama.cpp {description.Build}",
            ["server/model"] = FileName(description.ModelPath),
            ["server/adapters"] = string.Join(", ", description.Adapters.Select(adapter => FileName(adapter.Path))),
        };
        model.AddIdentity(inputs);
        pool.AddIdentity(inputs);
        return inputs;
    }

    public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file)
    {
        var encoder = model.Encoder(rules);
        foreach (var record in records)
        {
            // The grammar that forces an answer cannot hold a token that ends a generation.
            if (!encoder.Tokenizer.EncodeContinuation(record.Completion).Any(model.Folder.Config.EosTokenIds.Contains)) continue;
            throw new BadInputException(
                $"{file}: record '{record.Id}' has an end-of-sequence token in its completion, which llama.cpp cannot score; remove it.");
        }

        return RecordLengths.Of(records, encoder, ContextLength, file);
    }

    public long MemoryBytes(double tokens, bool generates) => LocalModel.RuntimeBytes + pool.MemoryBytes(model.Folder.Config);

    public async Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken)
    {
        var (description, adapters) = Server;
        var service = network.Connect(hasSlots ? settings : settings with { Slots = description.Slots });
        try
        {
            var encoder = model.Encoder(rules);
            var findings = await LlamaCppProbe.Of(service, description, encoder).RunAsync(cancellationToken).ConfigureAwait(false);
            if (findings.Refusal is { } refusal) throw new BadInputException($"{file}: {Description}: {refusal}.");
            var tokens = new RecordTokens(encoder, ContextLength);
            var (merger, doubts) = pool.Load(model.Folder.Config);
            return new ServiceSession(
                service, () => service.Retries, new LlamaCppAdapterHost(service, tokens, adapters, pool.Names, description.Vocabulary),
                merger, findings.Doubt is { } doubt ? [$"{Description}: {doubt}.", .. doubts] : doubts);
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
        var findings = await LlamaCppProbe.Of(service, Server.Description, model.Encoder(rules)).RunAsync(cancellationToken)
            .ConfigureAwait(false);
        return LlamaCppReport.Of(Server.Description, findings);
    }

    private (LlamaCppDescription Description, ServedAdapters Adapters) Describe()
    {
        using var service = network.Connect(settings);
        var description = ServiceSession.Ask(file, () => LlamaCppDescription.ReadAsync(service, CancellationToken.None));
        return (description, new ServedAdapters([.. description.Adapters.Select(adapter => adapter.Path)]));
    }

    private static string FileName(string path) => path.Split('/', '\\')[^1];
}
