using System.Security.Cryptography;
using System.Text;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;

namespace Cuvee.Server.Engine;

/// <summary>One base model and one pool in memory, under names that show no path.</summary>
internal sealed class ServedPool : IAsyncDisposable
{
    private readonly EmbeddedModel model;
    private readonly string? chatTemplate;

    /// <exception cref="BadInputException">
    /// Model or pool cannot be read, do not fit, an adapter has the base's name, or the template of chats does not fit the model.
    /// </exception>
    public ServedPool(ServerOptions options, Action<string> warn)
    {
        var folder = ModelFolder.Open(options.Model);
        Name = options.Name;
        Adapters = AdapterPool.ReadHeaders(options.Pool);
        if (Adapters.Any(adapter => adapter.Name == Name))
            throw new BadInputException(
                $"{options.Pool}: an adapter is called '{Name}' like the base model; give the base another --name.");
        Config = folder.Config;
        Chat = folder.Chat with { Origin = "as served" };
        chatTemplate = options.Template;
        Fingerprint = FingerprintOf(folder, options.Pool);
        var pool = AdapterPool.Load(
            options.Pool, allowDifferentBases: options.AllowDifferentBases, options: new PeftReaderOptions { Base = Config, Warn = warn });
        model = folder.Load();
        Merger = new RecipeMerger(pool.On(model.Weights.Find));
        Host = new EmbeddedAdapterHost(model, Merger);
        Base = ServedRecipe.Of(new WeightedRecipe(MergeSpace.Delta, []));
        if (chatTemplate is not null) RequireTemplate();
    }

    /// <summary>Id of the base.</summary>
    public string Name { get; }

    public LlamaConfig Config { get; }

    public IReadOnlyList<AdapterHeader> Adapters { get; }

    public ModelChat Chat { get; }

    public RecipeMerger Merger { get; }

    public EmbeddedAdapterHost Host { get; }

    public ServedRecipe Base { get; }

    /// <summary>Hexadecimal SHA-256 over names and contents of the base's and the pool's files.</summary>
    public string Fingerprint { get; }

    public Inference.Tokenization.Tokenizer Tokenizer => model.Tokenizer;

    /// <summary>The base or an adapter at weight 1; null where none has the id.</summary>
    public ServedRecipe? Find(string id) => id == Name ? Base
        : Adapters.Any(adapter => adapter.Name == id)
            ? ServedRecipe.Of(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare(id, 1)]))
        : null;

    /// <exception cref="ArgumentException">The recipe does not fit the pool.</exception>
    public ServedRecipe Check(MergeRecipe recipe)
    {
        Merger.Validate(recipe);
        return ServedRecipe.Of(recipe);
    }

    /// <summary>The base with an adapter that is none of the pool.</summary>
    /// <param name="key">No other model's.</param>
    /// <exception cref="BadInputException">The adapter was made for another base model.</exception>
    public ServedRecipe Adapt(PeftAdapter adapter, string key) => new(Base.Recipe, key, AdaptedModel.Create(model, adapter));

    /// <summary>A recipe asked past the queue, for measuring; nobody else may ask the service meanwhile.</summary>
    public EmbeddedModel Direct(MergeRecipe recipe) => AdaptedModel.Create(model, Merger.Pool, recipe);

    /// <summary>Template and closing token as <c>cuvee score</c> chooses them.</summary>
    /// <exception cref="ArgumentException">No such template.</exception>
    /// <exception cref="BadInputException">No such token.</exception>
    public (TextRules Rules, TextEncoder Encoder) Texts(string? template, string completionEnd, bool isConversation)
    {
        var rules = TextRules.Choose(template ?? (isConversation ? chatTemplate : null), completionEnd, isConversation, Chat);
        return (rules, new TextEncoder(Tokenizer, Config, rules));
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync().ConfigureAwait(false);
        model.Dispose();
    }

    private void RequireTemplate()
    {
        try
        {
            Texts(null, TextRules.Auto, isConversation: true);
        }
        catch (Exception exception) when (exception is ArgumentException or BadInputException)
        {
            throw new BadInputException($"--template: {exception.Message}", exception);
        }
    }

    private static string FingerprintOf(ModelFolder folder, string pool)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in folder.Files.Concat(AdapterPool.AdapterFolders(pool).SelectMany(AdapterReader.Files)))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{Path.GetFileName(Path.GetDirectoryName(path))}/{Path.GetFileName(path)}\n"));
            using var stream = File.OpenRead(path);
            hash.AppendData(SHA256.HashData(stream));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
