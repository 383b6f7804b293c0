using Cuvee.Formats;
using Cuvee.Formats.Json;

namespace Cuvee.Server.Sessions;

/// <summary>
/// What a session is evaluated on: the <c>query_plus</c> of Evo-Merging's own service (arXiv 2509.12951, released code), with its defaults.
/// A loss reads data set, template, lengths and batches; the settings of decoding are kept and told, and no route of a session decodes.
/// </summary>
internal sealed record QueryPlus
{
    private const string Root = "data/Userdata"; // the authors' folder of data sets; here: the server's

    private static readonly string[] Known =
    [
        "dataset", "dataset_dir", "template", "cutoff_len", "max_samples", "batch_size", "evaluation_batches", "temperature", "top_p",
        "top_k", "max_new_tokens", "repetition_penalty",
    ];

    /// <summary>Name of a data set of the server.</summary>
    public required string Dataset { get; init; }

    public string DatasetDir { get; init; } = Root;

    /// <summary>Of prompts; <c>default</c>: prompts as they stand, conversations by the model's own template.</summary>
    public string Template { get; init; } = DefaultTemplate;

    /// <summary>Longest record in tokens.</summary>
    public int CutoffLen { get; init; } = 2048;

    /// <summary>The first records of the data set; null: all.</summary>
    public int? MaxSamples { get; init; }

    public int BatchSize { get; init; } = 15;

    /// <summary>Batches that a candidate is evaluated on.</summary>
    public int EvaluationBatches { get; init; } = 20;

    public double Temperature { get; init; } = 0.95;

    public double TopP { get; init; } = 0.7;

    public int TopK { get; init; } = 50;

    public int MaxNewTokens { get; init; } = 1024;

    public double RepetitionPenalty { get; init; } = 1.0;

    internal const string DefaultTemplate = "default";

    /// <summary>Records that a candidate is evaluated on, at most.</summary>
    internal int Sample => (int)Math.Min((long)BatchSize * EvaluationBatches, int.MaxValue);

    /// <summary>These settings, changed by what a request says.</summary>
    /// <param name="request">An object; null changes nothing.</param>
    /// <exception cref="BadInputException">Unknown key, or a value out of range.</exception>
    public QueryPlus With(JsonField? request)
    {
        if (request is not { } field) return this;
        field.RequireOnly(Known);
        if (field.Find("dataset_dir") is { } folder && folder.Text() != Root)
        {
            throw folder.Error(
                $"names a folder; data sets are named by 'dataset' alone, so leave it out or say {Root}, which stands for the server's");
        }

        int Count(string key, int otherwise) => field.Find(key)?.Integer(1, 100_000_000) ?? otherwise;
        double Number(string key, double least, double most, double otherwise)
        {
            if (field.Find(key) is not { } given) return otherwise;
            return given.Number(least) is var value && value <= most
                ? value
                : throw given.Error($"is {given.Shown}; it must lie in [{least}, {most}]");
        }

        return this with
        {
            Dataset = field.Find("dataset")?.Text() ?? Dataset,
            Template = field.Find("template")?.Text() ?? Template,
            CutoffLen = Count("cutoff_len", CutoffLen),
            MaxSamples = field.Has("max_samples") ? field.Find("max_samples")?.Integer(1, 100_000_000) : MaxSamples,
            BatchSize = Count("batch_size", BatchSize),
            EvaluationBatches = Count("evaluation_batches", EvaluationBatches),
            Temperature = Number("temperature", 0, 100, Temperature),
            TopP = Number("top_p", 1e-9, 1, TopP),
            TopK = field.Find("top_k")?.Integer(0) ?? TopK,
            MaxNewTokens = Count("max_new_tokens", MaxNewTokens),
            RepetitionPenalty = Number("repetition_penalty", 1e-3, 1e3, RepetitionPenalty),
        };
    }
}
