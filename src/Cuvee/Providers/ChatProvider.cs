using Cuvee.Formats;
using Cuvee.Hosting;
using Cuvee.Hosting.Text;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.Text;
using Microsoft.Extensions.AI;

namespace Cuvee.Providers;

/// <summary>
/// <c>model: {provider: chat, url, model, ...}</c>: any endpoint that answers in text and can be given a recipe, in a field of each request
/// or by a command of the user's. A program with an <see cref="IChatClient"/> of its own registers the same provider under a name of its
/// own.
/// </summary>
/// <param name="connect">Reads the client's keys and gives its description, how to open it, and how many requests it takes at a time.
/// </param>
/// <param name="time">By which <c>release</c> is stopped after <see cref="LongestRelease"/>.</param>
public sealed class ChatProviderFactory(string name, Func<ProviderSettings, ChatConnection> connect, TimeProvider time) : IProviderFactory
{
    public static readonly TimeSpan LongestRelease = TimeSpan.FromMinutes(1);

    private const int AttemptsToInspect = 3; // somebody waits for the answer

    public string Name => name;

    /// <summary>OpenAI's chat completions over HTTP.</summary>
    public static ChatProviderFactory OverHttp(ServiceNetwork network) => new("chat", settings =>
    {
        var (service, _) = ServiceKeys.Read(settings.Model);
        (IChatClient, Func<long>) Open(JsonServiceSettings service)
        {
            var connection = network.Connect(service);
            return (new HttpChatClient(connection), () => connection.Retries);
        }

        return new ChatConnection($"chat at {service.Url}", service.Slots, () => Open(service))
        {
            OpenToInspect = () => Open(service with { Attempts = Math.Min(service.Attempts, AttemptsToInspect) }),
        };
    }, network.Time);

    public IProvider Create(ProviderSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var connection = connect(settings);
        var model = settings.Model.Text("model");
        var field = settings.Model.Text("recipe_field");
        var (realize, release) = (settings.Model.Texts("realize"), settings.Model.Texts("release"));
        var candidates = settings.Model.Integer("candidates", 1, 10_000);
        var problem =
            realize is { Count: 0 } || release is { Count: 0 } ? "a command needs a program; give a list such as [./serve.sh]"
            : realize is not null && field is not null ? "takes 'realize' or 'recipe_field', not both; remove one"
            : realize is null && release is not null ? "'release' belongs to 'realize'; remove it"
            : realize is not null && model is not null ? "'realize' prints the model to ask for; remove 'model'"
            : null;
        if (problem is not null) throw settings.Model.Error("realize", $"'model': {problem}.");
        var beside = Path.GetDirectoryName(Path.GetFullPath(settings.File))!;
        IRecipeChoice choice = realize is null
            ? new RecipeField(field ?? "recipe", model)
            : new RealizeCommand(realize, release, beside, new CommandLimit(LongestRelease, time));
        return new ChatProvider(
            name, connection, choice, new LocalPool(settings.Pool, settings.File, settings.Methods), settings.File,
            candidates ?? (realize is null ? connection.Slots : 1),
            realize is null ? model ?? "" : string.Join(' ', realize), realize is null ? [] : new UserCommand(realize, beside).Files);
    }
}

/// <param name="Description">For people, such as <c>chat at https://...</c>; part of the run's identity.</param>
/// <param name="Slots">Requests at the same time.</param>
/// <param name="Open">A client, and how often it has sent requests again.</param>
public sealed record ChatConnection(string Description, int Slots, Func<(IChatClient Client, Func<long> Retries)> Open)
{
    /// <summary>A client that gives up sooner; null: <see cref="Open"/>'s.</summary>
    public Func<(IChatClient Client, Func<long> Retries)>? OpenToInspect { get; init; }
}

internal sealed class ChatProvider(
    string name, ChatConnection connection, IRecipeChoice choice, LocalPool pool, string file, int candidates, string serves,
    IReadOnlyList<(string Name, string Path)> servedBy) : IServedProvider
{
    private const double Disruptive = 3; // a weight of every adapter that no model's answers survive

    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];

    private static readonly string[] ProbePrompts =
        ["Name three things that one can find in a kitchen.", "Continue: one, two, three,", "What left the harbour at noon?"];

    public string Description => connection.Description;

    public ProviderCapabilities Capabilities => new(
        LogProbabilityDetail.None, Answers: true, BothSpaces, Methods: true, Weights: false, ContextLength: null, candidates);

    public IReadOnlyList<string> AdapterNames => pool.Names;

    public ModelChat Chat => new(null, "a chat endpoint writes its own", null, null);

    public void Check(MergeSpace space)
    {
        if (pool.HasWeights)
        {
            throw new BadInputException(
                $"{file}: 'pool.path' names a folder, and the endpoint at {Description} keeps its adapters; name them as pool.names.");
        }
    }

    public IReadOnlyDictionary<string, string> Identity()
    {
        var inputs = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["server"] = Description, ["serves"] = serves };
        foreach (var (script, path) in servedBy) inputs.Add($"serves/{script}", FileHash.Sha256(path));
        pool.AddIdentity(inputs);
        return inputs;
    }

    public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file) => null;

    public long MemoryBytes(double tokens, bool generates) => LocalModel.RuntimeBytes;

    public async Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken)
    {
        var (client, retries) = connection.Open();
        var host = new TextAdapterHost(client, choice, pool.Names, candidates, connection.Slots);
        var session = new ServiceSession(client, retries, host, null, []);
        try
        {
            if (await RefusalAsync(host, cancellationToken).ConfigureAwait(false) is not { } refusal) return session;
            throw new BadInputException($"{file}: {Description}: {refusal}.");
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task<ServerReport> InspectAsync(TextRules rules, CancellationToken cancellationToken)
    {
        var (client, _) = (connection.OpenToInspect ?? connection.Open)();
        using (client)
        {
            await using var host = new TextAdapterHost(client, choice, pool.Names, candidates, connection.Slots);
            var refusal = await RefusalAsync(host, cancellationToken).ConfigureAwait(false);
            return new ServerReport(
                name,
                [
                    ("at", Description),
                    ("can", "answers, of what it makes of a recipe"),
                    ("asked", $"{ProbePrompts.Length} prompts without adapters and with every adapter at weight {Disruptive}"),
                ],
                refusal,
                null);
        }
    }

    /// <summary>An endpoint that does not know the field answers all candidates alike, without an error.</summary>
    private async Task<string?> RefusalAsync(TextAdapterHost host, CancellationToken cancellationToken)
    {
        var plain = await AskAsync(host, 0, cancellationToken).ConfigureAwait(false);
        var disrupted = await AskAsync(host, Disruptive, cancellationToken).ConfigureAwait(false);
        return plain.SequenceEqual(disrupted)
            ? $"it answers alike without adapters and with every adapter at weight {Disruptive}, so it does not apply recipes; correct " +
                "recipe_field or realize"
            : null;
    }

    private async Task<IReadOnlyList<string>> AskAsync(TextAdapterHost host, double weight, CancellationToken cancellationToken)
    {
        await using var lease = await host.RealizeAsync(
            new WeightedRecipe(MergeSpace.Delta, [.. pool.Names.Select(adapter => new AdapterShare(adapter, weight))]), cancellationToken)
            .ConfigureAwait(false);
        var answers = await lease.Model.GenerateAsync(ProbePrompts, new GenerationOptions { MaxTokens = 24 }, cancellationToken)
            .ConfigureAwait(false);
        return [.. answers.Select(answer => answer.Text)];
    }
}
