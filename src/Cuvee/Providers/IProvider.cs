using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Hosting;
using Cuvee.Merging.Methods;

namespace Cuvee.Providers;

/// <summary>Makes what stands behind <c>model:</c> from a run file: <c>model: PATH</c> or <c>model: {provider: NAME, ...}</c>.</summary>
public interface IProviderFactory
{
    /// <summary>As users write it, such as <c>embedded</c>.</summary>
    string Name { get; }

    /// <summary>Reads the provider's own keys; the caller refuses those that nobody asked for. Opens nothing.</summary>
    /// <exception cref="BadInputException">A key is missing or out of range.</exception>
    IProvider Create(ProviderSettings settings);
}

/// <param name="Model">The keys of <c>model:</c>; a plain path is its key <c>path</c>.</param>
/// <param name="Pool">Adapters by folder or by name.</param>
/// <param name="File">The run file, for errors; relative paths start from its folder.</param>
/// <param name="Methods">Merge methods that recipes may name.</param>
public sealed record ProviderSettings(YamlMapping Model, PoolSelection Pool, string File, MergeMethods Methods);

/// <summary>
/// What stands behind <c>model:</c>. Planner, identity and writer ask it and never the file system; what cannot work is refused by its
/// capabilities before the first query.
/// </summary>
public interface IProvider
{
    /// <summary>For people, such as <c>embedded engine, zoo/base</c>.</summary>
    string Description { get; }

    ProviderCapabilities Capabilities { get; }

    /// <summary>In ordinal order: the order of coordinates.</summary>
    IReadOnlyList<string> AdapterNames { get; }

    /// <summary>Looks at headers or asks the server what it is; reads no weight and spends no query.</summary>
    /// <exception cref="BadInputException">Something is missing, or <paramref name="space"/> cannot combine the
    /// adapters.</exception>
    void Check(MergeSpace space);

    /// <summary>What decides the provider's answers: role and name, such as <c>pool/ner-snips/adapter_model.safetensors</c>, to lower-case
    /// SHA-256 or to what a server reports.</summary>
    IReadOnlyDictionary<string, string> Identity();

    /// <summary>What the model says of its conversations.</summary>
    ModelChat Chat { get; }

    /// <summary>Tokens of each record; null where the provider does not tell.</summary>
    /// <exception cref="BadInputException">A record is empty or does not fit the context; named before anything is
    /// queried.</exception>
    IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file);

    /// <summary>Memory that a run takes on this machine, in bytes; files that are only mapped do not count.</summary>
    /// <param name="tokens">Of all validation records together.</param>
    /// <param name="generates">The run reads generated answers.</param>
    long MemoryBytes(double tokens, bool generates);

    /// <summary>Loads or connects; models of the session read texts by <paramref name="rules"/>.</summary>
    Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken);
}

/// <summary>Tokens of a record.</summary>
/// <param name="Completion">With the closing token.</param>
public readonly record struct RecordLength(int Prompt, int Completion)
{
    public int Tokens => Prompt + Completion;
}

/// <summary>What a provider can tell and make.</summary>
/// <param name="LogProbabilities">How fine.</param>
/// <param name="Answers">It generates text.</param>
/// <param name="Spaces">Merge spaces of weighted recipes that it can realise.</param>
/// <param name="Methods">It can realise named merge methods.</param>
/// <param name="Weights">Its session gives the pool's weights, so that what is merged can be written.</param>
/// <param name="ContextLength">In tokens; null where unknown.</param>
/// <param name="MaxConcurrentLeases">Candidates at a time.</param>
/// <param name="FoldedOnly">What its pool merges to is no LoRA adapter; only a folded checkpoint can be written.</param>
/// <param name="Layers">Groups of a recipe that are layers and that the pool adapts, such as <c>layers.0</c>, in the model's order; null
/// where unknown, and then no search gives layers weights of their own.</param>
/// <param name="KeepFractions">The only keep fractions that it can realise, 1 among them, largest first; null: all from 0 to 1.</param>
/// <param name="Checkpoints">Its session can fold a recipe into the base model; only where <paramref name="Weights"/> is set.</param>
/// <param name="WholeModels">Its pool holds whole models, which merge to a checkpoint; its layers may be any tensors' groups.</param>
/// <param name="PathLayers">Layers of each of the pool's whole models, through which it runs paths; null: it runs none.</param>
/// <param name="Scores">Its answers are scores, which metric <c>command</c> reads.</param>
public sealed record ProviderCapabilities(
    LogProbabilityDetail LogProbabilities,
    bool Answers,
    IReadOnlySet<MergeSpace> Spaces,
    bool Methods,
    bool Weights,
    int? ContextLength,
    int MaxConcurrentLeases,
    bool FoldedOnly = false,
    IReadOnlyList<string>? Layers = null,
    IReadOnlyList<double>? KeepFractions = null,
    bool Checkpoints = false,
    bool WholeModels = false,
    int? PathLayers = null,
    bool Scores = false);

public enum LogProbabilityDetail
{
    None,

    /// <summary>One sum a record.</summary>
    PerRecord,

    PerToken,
}

/// <summary>An open provider; owns what it loaded.</summary>
public interface IProviderSession : IAsyncDisposable
{
    IAdapterHost Host { get; }

    /// <summary>The pool's adapters; null where they are not to be had, or where the pool holds whole models.</summary>
    RecipeMerger? Weights { get; }

    /// <summary>What a person should know about the pool before spending queries on it, one sentence each.</summary>
    IReadOnlyList<string> PoolDoubts { get; }

    /// <summary>The base model with a written adapter folder applied (of whole models: the written checkpoint), to measure what was
    /// written; null where that cannot be.</summary>
    ValueTask<IModelLease?> RealizeWrittenAsync(string folder, CancellationToken cancellationToken);

    /// <summary>Of a written adapter that can be measured; 0: none can, and no smaller form of a merge is tried.</summary>
    int LargestMeasuredRank => int.MaxValue;

    /// <summary>Requests that were sent again because they failed; never counted as queries.</summary>
    long Retries { get; }

    /// <summary>Writes the base model with a recipe folded in; only where <see cref="ProviderCapabilities.Checkpoints"/> is set.</summary>
    void WriteFolded(string folder, MergeRecipe recipe, Formats.Safetensors.TensorType type, CancellationToken cancellationToken);
}
