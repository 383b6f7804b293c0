using Cuvee.Formats.Safetensors;
using Cuvee.Hosting;
using Cuvee.Hosting.Commands;
using Cuvee.Merging.Checkpoints;
using Cuvee.Merging.Methods;

namespace Cuvee.Providers;

/// <summary>
/// <c>model: {provider: command, path: PATH, run: [...]}</c>: whole checkpoints of any architecture, merged tensor by tensor, and a
/// program of the user's that scores or answers for a merge (<see cref="CommandModel"/>).
/// </summary>
public sealed class CommandProviderFactory(TimeProvider time) : IProviderFactory
{
    private const int DefaultSeconds = 600;
    private const int DefaultRetries = 1;

    public string Name => "command";

    public IProvider Create(ProviderSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var beside = Path.GetDirectoryName(Path.GetFullPath(settings.File))!;
        var members = ModelPool.Of(settings);
        var run = settings.Model.Texts("run");
        var seconds = settings.Model.Integer("seconds", 1, 86_400) ?? DefaultSeconds;
        var retries = settings.Model.Integer("retries", 0, 100) ?? DefaultRetries;
        if (run is null or { Count: 0 })
            throw settings.Model.Missing("run", "give the program that scores as a list such as [node, score.mjs]");
        var limit = new CommandLimit(TimeSpan.FromSeconds(seconds), time);
        return new CommandProvider(members, new UserCommand(run, beside, limit), string.Join(' ', run), retries, settings.Methods);
    }
}

internal sealed class CommandProvider(
    ModelPool members, UserCommand command, string serves, int retries, MergeMethods methods) : IProvider
{
    private static readonly HashSet<MergeSpace> DeltaOnly = [MergeSpace.Delta];

    private IReadOnlyList<string>? groups;

    public string Description => $"{command.Name} on merges of {members.Base}";

    public ProviderCapabilities Capabilities => new(
        LogProbabilityDetail.None, Answers: true, DeltaOnly, Methods: true, Weights: true, ContextLength: null, MaxConcurrentLeases: 1,
        Layers: Groups, Checkpoints: true, WholeModels: true, Scores: true);

    public IReadOnlyList<string> AdapterNames => members.Names;

    public ModelChat Chat => new(null, "a program reads prompts as they are", null, null);

    private IReadOnlyList<string> Groups
    {
        get
        {
            if (groups is not null) return groups;
            using var pool = Open();
            return groups = pool.Groups;
        }
    }

    public void Check(MergeSpace space) => members.Require();

    public IReadOnlyDictionary<string, string> Identity()
    {
        var inputs = members.Identity();
        inputs.Add("model.run", serves);
        foreach (var (name, path) in command.Files) inputs.Add($"model.run/{name}", FileHash.Sha256(path));
        return inputs;
    }

    public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file) => null;

    public long MemoryBytes(double tokens, bool generates) => LocalModel.RuntimeBytes;

    public Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken) =>
        Task.FromResult<IProviderSession>(new Session(members.Base, Open(), command, retries));

    private CheckpointPool Open() => CheckpointPool.Open(members.Base, members.Folders, methods);

    private sealed class Session : IProviderSession
    {
        private readonly CheckpointPool pool;
        private readonly CommandHost host;
        private long repeated;

        public Session(string model, CheckpointPool pool, UserCommand command, int retries)
        {
            this.pool = pool;
            host = new CommandHost(
                pool, model, folder => new CommandModel(command, folder, retries, () => Interlocked.Increment(ref repeated)));
        }

        public IAdapterHost Host => host;

        public RecipeMerger? Weights => null;

        public IReadOnlyList<string> PoolDoubts => [];

        public long Retries => Interlocked.Read(ref repeated);

        public async ValueTask<IModelLease?> RealizeWrittenAsync(string folder, CancellationToken cancellationToken) =>
            await host.RealizeAsync(folder, cancellationToken).ConfigureAwait(false);

        public void WriteFolded(string folder, MergeRecipe recipe, TensorType type, CancellationToken cancellationToken) =>
            host.Write(folder, recipe, type, cancellationToken);

        public async ValueTask DisposeAsync()
        {
            await host.DisposeAsync().ConfigureAwait(false);
            pool.Dispose();
        }
    }
}
