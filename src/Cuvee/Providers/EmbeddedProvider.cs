using System.Security.Cryptography;
using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging.Inspection;
using Cuvee.Merging.Materialization;
using Cuvee.Merging.Methods;

namespace Cuvee.Providers;

/// <summary><c>model: PATH</c>: the embedded engine on a Hugging Face folder and a folder of PEFT adapters.</summary>
/// <param name="threads">Null: one a processor.</param>
public sealed class EmbeddedProviderFactory(int? threads = null) : IProviderFactory
{
    public string Name => "embedded";

    public IProvider Create(ProviderSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var folder = Path.GetFullPath(Path.Combine(
            Path.GetDirectoryName(settings.File)!, settings.Model.RequiredText("path", "the folder of the base model")));
        if (settings.Pool.Path is null)
        {
            throw new BadInputException(
                $"{settings.File}: pool.path is missing; the embedded engine needs the folder of the adapters, not only their names.");
        }

        return new EmbeddedProvider(folder, settings.Pool, settings.File, threads, settings.Methods);
    }
}

internal sealed class EmbeddedProvider(
    string model, PoolSelection selection, string file, int? threads, MergeMethods methods) : IProvider
{
    private readonly string pool = selection.Path!;
    private readonly IReadOnlyList<string> exclude = selection.Exclude;

    private static readonly HashSet<MergeSpace> BothSpaces = [MergeSpace.Factors, MergeSpace.Delta];
    private static readonly HashSet<MergeSpace> DeltaOnly = [MergeSpace.Delta];

    private IReadOnlyList<AdapterHeader>? headers;
    private ModelFolder? folder;

    public string Description => $"embedded engine, {model}";

    public ProviderCapabilities Capabilities => new(
        LogProbabilityDetail.PerToken, Answers: true, HasDora ? DeltaOnly : BothSpaces, Methods: !HasDora, Weights: true,
        Config.MaxPositionEmbeddings, MaxConcurrentLeases: 1, FoldedOnly: HasDora,
        [.. Headers.SelectMany(header => header.Layers).Distinct().Order().Select(layer => $"layers.{layer}")],
        Checkpoints: true);

    public IReadOnlyList<string> AdapterNames => [.. Headers.Select(header => header.Name)];

    /// <summary>The engine's buffers, what near candidates start from, the prepared LoraA of one layer, copies of an embedding and a head
    /// that are adapted, what writing the result takes, and the runtime and the tokenizer. Left out, because it hangs on the search: the
    /// order of magnitudes where keep fractions vary, and a merge method's task vectors of one module.</summary>
    public long MemoryBytes(double tokens, bool generates)
    {
        const long runtime = 100_000_000;
        var ranks = Headers.Sum(header => (long)header.Ranks.DefaultIfEmpty(0).Max());
        var (inFeatures, outFeatures) = (
            Config.LinearModules.Sum(module => (long)module.InFeatures), Config.LinearModules.Sum(module => (long)module.OutFeatures));
        var vocabularies = (Headers.Any(header => header.AdaptsEmbedding) ? 1 : 0) + (Headers.Any(header => header.AdaptsHead) ? 1 : 0);
        return runtime + EngineMemory.Forecast(Config, tokens, generates, threads) + EngineMemory.CenterBytes(Config)
            + (sizeof(float) * ranks * inFeatures)
            + ((long)sizeof(float) * vocabularies * Config.VocabSize * Config.HiddenSize)
            + MergedAdapterBuilder.ForecastBytes(Config.NumHiddenLayers * (inFeatures + outFeatures), (int)Math.Min(ranks, int.MaxValue));
    }

    private IReadOnlyList<AdapterHeader> Headers => headers ??= AdapterPool.ReadHeaders(pool, exclude);

    private bool HasDora => Headers.Any(header => header.IsDora);

    private ModelFolder Folder => folder ??= ModelFolder.Open(model);

    private LlamaConfig Config => Folder.Config;

    public void Check(MergeSpace space)
    {
        if (!Directory.Exists(model) && !(ModelFolder.IsGgufPath(model) && File.Exists(model)))
            throw new BadInputException($"{file}: 'model' names {model}, which is no folder and no .gguf file; correct the path.");
        folder ??= ModelFolder.Open(model);
        foreach (var adapter in AdapterPool.AdapterFolders(pool, exclude))
        {
            foreach (var part in AdapterReader.Files(adapter))
                RequireFile(part, "every sub-folder of the pool must be a PEFT or GGUF adapter (or name it in pool.exclude).");
        }

        if (space == MergeSpace.Factors) FactorSpace.Require(pool, Headers);
    }

    public IReadOnlyDictionary<string, string> Identity()
    {
        var inputs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in Folder.Files) inputs.Add($"model/{Path.GetFileName(path)}", FileHash.Sha256(path));
        foreach (var name in AdapterNames)
        {
            foreach (var part in AdapterReader.Files(Path.Combine(pool, name)))
                inputs.Add($"pool/{name}/{Path.GetFileName(part)}", FileHash.Sha256(part));
        }

        return inputs;
    }

    public ModelChat Chat => Folder.Chat;

    public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file) =>
        RecordLengths.Of(records, new TextEncoder(Folder.Tokenizer, Config, rules), Config.MaxPositionEmbeddings, file);

    public Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken) => Task.FromResult<IProviderSession>(
        new Session(
            Folder,
            Folder.Load(threads, rules),
            ReadPool.Of(selection, Config),
            methods));

    private static void RequireFile(string path, string mend)
    {
        if (!File.Exists(path)) throw new BadInputException($"{path}: missing; {mend}");
    }

    private sealed class Session : IProviderSession
    {
        private readonly EmbeddedModel model;
        private readonly AdapterPool pool;
        private readonly EmbeddedAdapterHost host;
        private readonly ModelFolder folder;
        private readonly IReadOnlyList<string> doubts;

        public Session(ModelFolder folder, EmbeddedModel model, ReadPool read, MergeMethods methods)
        {
            (this.folder, this.model, doubts) = (folder, model, read.Doubts);
            pool = read.Adapters.On(model.Weights.Find);
            var merger = new RecipeMerger(pool, methods);
            host = new EmbeddedAdapterHost(model, merger);
            Weights = merger;
        }

        public IAdapterHost Host => host;

        public RecipeMerger? Weights { get; }

        public IReadOnlyList<string> PoolDoubts => [.. doubts, .. PoolInspection.Inspect(pool).Problems];

        public ValueTask<IModelLease?> RealizeWrittenAsync(string folder, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IModelLease?>(new UnheldLease(AdaptedModel.Create(model, PeftReader.Read(folder))));

        public long Retries => 0;

        public void WriteFolded(string folder, MergeRecipe recipe, TensorType type, CancellationToken cancellationToken) =>
            FoldedModel.Write(this.folder, Weights!, recipe, folder, type, cancellationToken);

        public async ValueTask DisposeAsync()
        {
            await host.DisposeAsync().ConfigureAwait(false);
            model.Dispose();
        }
    }
}

internal static class FileHash
{
    /// <summary>Lower-case hexadecimal.</summary>
    public static string Sha256(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
