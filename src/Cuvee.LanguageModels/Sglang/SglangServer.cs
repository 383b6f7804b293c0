using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.LanguageModels.Http;

namespace Cuvee.LanguageModels.Sglang;

/// <summary>An SGLang server that loads adapters at run time, by its own routes. Read in SGLang's sources and documentation, the shape of
/// answers from memory, never run against one: unverified.</summary>
public sealed class SglangServer(JsonService service, RecordTokens tokens) : IAdapterServer
{
    public async Task LoadAsync(string name, string path, CancellationToken cancellationToken)
    {
        try
        {
            var body = new JsonObject { ["lora_name"] = name, ["lora_path"] = path, ["pinned"] = false };
            await service.PostAsync("/load_lora_adapter", body, answer => Read(answer, "load", name), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (ServiceException exception) when (
            exception.Status == 400 && exception.Message.Contains("already", StringComparison.Ordinal))
        {
            // The name is new: an attempt whose answer was lost has loaded it.
        }
    }

    public async Task UnloadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            var body = new JsonObject { ["lora_name"] = name };
            await service.TidyAsync("/unload_lora_adapter", body, answer => Read(answer, "unload", name), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (LanguageModelException exception) when (exception.Message.Contains("does not exist", StringComparison.Ordinal))
        {
            // gone already
        }
    }

    public ILanguageModel Model(string? adapter) => new SglangModel(service, tokens, adapter);

    /// <summary>The model's path on the server.</summary>
    /// <exception cref="ServiceException">No such server.</exception>
    public static Task<string> DescribeAsync(JsonService service, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(service);
        return service.GetAsync("/get_model_info", answer => answer.Member("model_path").Text("model_path"), cancellationToken);
    }

    private bool Read(JsonElement answer, string work, string name) => answer.Find("success") is { ValueKind: JsonValueKind.False }
        ? throw new LanguageModelException(
            $"{service.Url}: {work}_lora_adapter of '{name}' failed " +
            $"({answer.Find("error_message")?.Text("error_message").TrimEnd('.') ?? "no reason given"}).")
        : true;
}

/// <param name="adapter">Null: the base model.</param>
internal sealed class SglangModel(JsonService service, RecordTokens tokens, string? adapter) : ILanguageModel
{
    private const string Path = "/generate";

    public LanguageModelCapabilities Capabilities => new(true, true, true, tokens.ContextLength);

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        EncodedRecord[] encoded = [.. records.Select(tokens.Of)];
        return SampleRequests.ScoreAsync(
            encoded.Length,
            service.Slots,
            i =>
            {
                var body = Body(encoded[i].All, new JsonObject { ["max_new_tokens"] = 1, ["temperature"] = 0 });
                body["return_logprob"] = true;
                body["logprob_start_len"] = encoded[i].Prompt.Length - 1; // the entry at this position itself is null
                body["top_logprobs_num"] = 0;
                return service.PostAsync(Path, body, answer => ReadScore(answer, encoded[i]), cancellationToken);
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken)
    {
        JsonObject Sampling()
        {
            var sampling = new JsonObject
            {
                ["max_new_tokens"] = options.MaxTokens,
                ["temperature"] = options.Temperature,
                ["top_p"] = options.TopP,
                ["repetition_penalty"] = options.RepetitionPenalty,
                ["stop"] = new JsonArray([.. options.Stop.Select(text => (JsonNode)text)]),
            };
            if (options.TopK > 0) sampling["top_k"] = options.TopK;
            if (tokens.Encoding.ClosingToken is { } closing) sampling["stop_token_ids"] = new JsonArray(closing);
            return sampling;
        }

        return SampleRequests.GenerateAsync(
            prompts.Count,
            service.Slots,
            async i =>
            {
                var prompt = tokens.Encoding.Prompt(prompts[i]);
                return await service.PostAsync(Path, Body(prompt, Sampling()), ReadGeneration, cancellationToken).ConfigureAwait(false)
                    with
                { PromptTokens = prompt.Count };
            },
            cancellationToken);
    }

    private JsonObject Body(IReadOnlyList<int> ids, JsonObject sampling) => new()
    {
        ["input_ids"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]),
        ["sampling_params"] = sampling,
        ["lora_path"] = adapter,
    };

    private static ScoredCompletion ReadScore(JsonElement answer, EncodedRecord record)
    {
        var entries = answer.Member("meta_info").Member("input_token_logprobs").Items("input_token_logprobs");
        if (entries.Count < record.Tokens)
            throw new UnusableAnswerException($"has {entries.Count} log-probabilities instead of {record.Tokens}");
        int[] wanted = record.All[record.Prompt.Length..];
        var values = new float[wanted.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var entry = entries[entries.Count - values.Length + i].Items("input_token_logprobs");
            if (entry.Count < 2 || entry[1].Integer("input_token_logprobs") != wanted[i])
                throw new UnusableAnswerException("scores other tokens than it was sent");
            values[i] = (float)entry[0].LogProbability("input_token_logprobs");
        }

        return record.Scored(values);
    }

    private static GeneratedCompletion ReadGeneration(JsonElement answer)
    {
        var meta = answer.Member("meta_info");
        var reason = meta.Member("finish_reason");
        return new GeneratedCompletion(
            answer.Member("text").Text("text"),
            meta.Member("completion_tokens").Integer("completion_tokens"),
            reason.Member("type").Text("type") == "length" ? StopReason.MaxTokens
                : reason.Find("matched") is { ValueKind: JsonValueKind.String } ? StopReason.StopText
                : StopReason.EndOfSequence);
    }
}
