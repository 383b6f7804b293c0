using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.LanguageModels.Http;

namespace Cuvee.LanguageModels.Vllm;

/// <summary>
/// A vLLM server that loads adapters at run time (<c>VLLM_ALLOW_RUNTIME_LORA_UPDATING</c>). Read in vLLM's sources, never run against one:
/// unverified.
/// </summary>
/// <param name="baseModel">Served name of the base model.</param>
public sealed class VllmServer(JsonService service, RecordTokens tokens, string baseModel) : IAdapterServer
{
    public async Task LoadAsync(string name, string path, CancellationToken cancellationToken)
    {
        try
        {
            await service.PostForTextAsync(
                "/v1/load_lora_adapter", new JsonObject { ["lora_name"] = name, ["lora_path"] = path }, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (ServiceException exception) when (
            exception.Status == 400 && exception.Message.Contains("already been loaded", StringComparison.Ordinal))
        {
            // The name is new: an attempt whose answer was lost has loaded it.
        }
    }

    public async Task UnloadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            await service.TidyForTextAsync("/v1/unload_lora_adapter", new JsonObject { ["lora_name"] = name }, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (ServiceException exception) when (exception.Status == 404)
        {
            // gone already
        }
    }

    public ILanguageModel Model(string? adapter) => new VllmModel(service, tokens, adapter ?? baseModel);

    /// <summary>Version and the base model's name; a loaded adapter has a parent.</summary>
    /// <exception cref="ServiceException">No such server.</exception>
    public static async Task<(string Version, string Model, int? ContextLength)> DescribeAsync(
        JsonService service, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(service);
        var version = await service.GetAsync(
            "/version", answer => answer.Member("version").Text("version"), cancellationToken).ConfigureAwait(false);
        return await service.GetAsync(
            "/v1/models",
            answer =>
            {
                var bases = answer.Member("data").Items("data").Where(model => model.Find("parent") is null).ToList();
                return bases is [var model, ..]
                    ? (version, model.Member("id").Text("id"), model.Find("max_model_len")?.Integer("max_model_len"))
                    : throw new UnusableAnswerException("names no base model");
            },
            cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>One served name: log-probabilities of a prompt that ends with the completion, by <c>echo</c>.</summary>
internal sealed class VllmModel(JsonService service, RecordTokens tokens, string name) : ILanguageModel
{
    private const string Path = "/v1/completions";

    public LanguageModelCapabilities Capabilities => new(true, true, true, tokens.ContextLength);

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        EncodedRecord[] encoded = [.. records.Select(tokens.Of)];
        return SampleRequests.ScoreAsync(
            encoded.Length,
            service.Slots,
            i =>
            {
                int[] ids = encoded[i].All;
                var body = new JsonObject
                {
                    ["model"] = name,
                    ["prompt"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]),
                    ["max_tokens"] = 0,
                    ["echo"] = true,
                    ["logprobs"] = 0,
                    ["return_token_ids"] = true,
                    ["cache_salt"] = name, // a prefix computed under one adapter is no prefix of another's
                };
                return service.PostAsync(Path, body, answer => ReadScore(answer, encoded[i], ids), cancellationToken);
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) => SampleRequests.GenerateAsync(
            prompts.Count,
            service.Slots,
            async i =>
            {
                var prompt = tokens.Encoding.Prompt(prompts[i]);
                return await service.PostAsync(Path, Generation(prompt, options), ReadGeneration, cancellationToken).ConfigureAwait(false)
                    with
                { PromptTokens = prompt.Count };
            },
            cancellationToken);

    private JsonObject Generation(IReadOnlyList<int> prompt, GenerationOptions options)
    {
        var body = new JsonObject
        {
            ["model"] = name,
            ["prompt"] = new JsonArray([.. prompt.Select(id => (JsonNode)id)]),
            ["max_tokens"] = options.MaxTokens,
            ["temperature"] = options.Temperature,
            ["top_p"] = options.TopP,
            ["repetition_penalty"] = options.RepetitionPenalty,
            ["seed"] = (long)(options.Seed % int.MaxValue),
            ["stop"] = new JsonArray([.. options.Stop.Select(text => (JsonNode)text)]),
            ["cache_salt"] = name,
        };
        if (options.TopK > 0) body["top_k"] = options.TopK;
        if (tokens.Encoding.ClosingToken is { } closing) body["stop_token_ids"] = new JsonArray(closing);
        return body;
    }

    private static JsonElement Choice(JsonElement answer) => answer.Member("choices").Items("choices") is [var choice, ..]
        ? choice
        : throw new UnusableAnswerException("has no choice");

    private static ScoredCompletion ReadScore(JsonElement answer, EncodedRecord record, int[] ids)
    {
        var choice = Choice(answer);
        var echoed = choice.Member("prompt_token_ids").Items("prompt_token_ids").Select(id => id.Integer("prompt_token_ids"));
        if (!echoed.SequenceEqual(ids)) throw new UnusableAnswerException("scores other tokens than it was sent");
        var values = choice.Member("logprobs").Member("token_logprobs").Items("token_logprobs");
        if (values.Count < ids.Length)
            throw new UnusableAnswerException($"has {values.Count} log-probabilities instead of {ids.Length}");
        return record.Scored([.. Enumerable.Range(record.Prompt.Length, record.Tokens)
            .Select(i => (float)values[i].LogProbability("token_logprobs"))]);
    }

    private static GeneratedCompletion ReadGeneration(JsonElement answer)
    {
        var choice = Choice(answer);
        var reason = choice.Member("finish_reason").Text("finish_reason") switch
        {
            "length" => StopReason.MaxTokens,
            _ when choice.Find("stop_reason") is { ValueKind: JsonValueKind.String } => StopReason.StopText,
            _ => StopReason.EndOfSequence,
        };
        return new GeneratedCompletion(
            choice.Member("text").Text("text"),
            answer.Member("usage").Member("completion_tokens").Integer("completion_tokens"),
            reason);
    }
}
