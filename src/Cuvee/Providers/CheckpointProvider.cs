using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging.Checkpoints;
using Cuvee.Merging.Methods;

namespace Cuvee.Providers;

/// <summary>
/// <c>model: {provider: checkpoints, path: PATH}</c>: the embedded engine on a base model and a pool of whole models of its architecture,
/// each a Hugging Face folder. What they merge to is a checkpoint.
/// </summary>
/// <param name="threads">Null: one a processor.</param>
public sealed class CheckpointProviderFactory(int? threads = null) : IProviderFactory
{
    public string Name => "checkpoints";

    public IProvider Create(ProviderSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new CheckpointProvider(ModelPool.Of(settings), threads, settings.Methods);
    }
}

internal sealed class CheckpointProvider(ModelPool members, int? threads, MergeMethods methods) : IProvider
{
    private static readonly HashSet<MergeSpace> DeltaOnly = [MergeSpace.Delta];

    private ModelFolder? folder;

    public string Description => $"embedded engine, whole models on {members.Base}";

    public ProviderCapabilities Capabilities => new(
        LogProbabilityDetail.PerToken, Answers: true, DeltaOnly, Methods: true, Weights: true, Config.MaxPositionEmbeddings,
        MaxConcurrentLeases: 1,
        Layers:
        [
            CheckpointPool.Embeddings, .. Enumerable.Range(0, Config.NumHiddenLayers).Select(layer => $"layers.{layer}"),
            CheckpointPool.Head,
        ],
        Checkpoints: true, WholeModels: true, PathLayers: Config.NumHiddenLayers);

    public IReadOnlyList<string> AdapterNames => members.Names;

    public ModelChat Chat => Folder.Chat;

    private ModelFolder Folder => folder ??= ModelFolder.Open(members.Base);

    private LlamaConfig Config => Folder.Config;

    public void Check(MergeSpace space)
    {
        members.Require();
        foreach (var member in members.Folders)
        {
            if (ConfigDifferences.OfTensors(HuggingFaceModelReader.ReadConfig(member), Config).FirstOrDefault() is { } key)
            {
                throw new BadInputException(
                    $"{Path.Combine(member, "config.json")}: has another '{key}' than the base {members.Base}; pool models of that base, " +
                    "or name it in pool.exclude.");
            }
        }

        using var pool = CheckpointPool.Open(members.Base, members.Folders, methods);
    }

    public IReadOnlyDictionary<string, string> Identity() => members.Identity();

    public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file) =>
        RecordLengths.Of(records, new TextEncoder(Folder.Tokenizer, Config, rules), Config.MaxPositionEmbeddings, file);

    public long MemoryBytes(double tokens, bool generates) =>
        LocalModel.RuntimeBytes + EngineMemory.Forecast(Config, tokens, generates: false, threads) + FormedWeights.Bytes(Config);

    public Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken) =>
        Task.FromResult<IProviderSession>(
            new Session(Folder, Folder.Load(threads, rules), CheckpointPool.Open(members.Base, members.Folders, methods), threads,
                Doubts()));

    private IReadOnlyList<string> Doubts()
    {
        string Vocabulary(string of) => Path.Combine(of, "tokenizer.json") is var path && File.Exists(path) ? FileHash.Sha256(path) : "";
        var own = Vocabulary(members.Base);
        return
        [
            .. members.Folders.Where(member => Vocabulary(member) != own).Select(member =>
                $"{Path.GetFileName(member)} has another tokenizer.json than the base, whose tokens all models are asked with."),
            .. members.Folders.SelectMany(member => ConfigDifferences.OfComputation(HuggingFaceModelReader.ReadConfig(member), Config)
                .Select(key => $"{Path.GetFileName(member)} has another {key} than the base, with whose config.json all models run.")),
        ];
    }

    private sealed class Session(ModelFolder folder, EmbeddedModel model, CheckpointPool pool, int? threads, IReadOnlyList<string> doubts)
        : IProviderSession
    {
        private readonly CheckpointHost host = new(
            model, pool, path => ModelFolder.Open(path).ReadTensors(), threads);

        public IAdapterHost Host => host;

        public RecipeMerger? Weights => null;

        public IReadOnlyList<string> PoolDoubts => doubts;

        public long Retries => 0;

        public ValueTask<IModelLease?> RealizeWrittenAsync(string folder, CancellationToken cancellationToken)
        {
            var written = ModelFolder.Open(folder);
            return ValueTask.FromResult<IModelLease?>(
                new UnheldLease(model.With(null, LlamaWeights.FromTensors(written.Config, written.ReadTensors()))));
        }

        public void WriteFolded(string target, MergeRecipe recipe, TensorType type, CancellationToken cancellationToken)
        {
            var (config, tensors) = host.Fold(recipe, cancellationToken);
            Directory.CreateDirectory(target);
            HuggingFaceModelWriter.Write(target, config, tensors, type);
            TokenizerFiles.Copy(folder.Path, target);
        }

        public async ValueTask DisposeAsync()
        {
            await host.DisposeAsync().ConfigureAwait(false);
            model.Dispose();
            pool.Dispose();
        }
    }
}
