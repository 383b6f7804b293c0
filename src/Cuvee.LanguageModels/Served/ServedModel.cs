using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.LanguageModels.Chat;
using Cuvee.LanguageModels.Http;

namespace Cuvee.LanguageModels.Served;

/// <summary>One recipe of a <c>cuvee serve</c>: texts in, log-probabilities of tokens or texts out; the server cuts texts itself.</summary>
/// <param name="model">Name of the base model.</param>
/// <param name="recipe">The document of recipe.json.</param>
/// <param name="rules">How the texts were written.</param>
public sealed class ServedModel(JsonService service, string model, JsonNode recipe, TextRules rules, int contextLength) : ILanguageModel
{
    // Of a request: enough to fill the server's batches, few enough that one that fails costs little.
    private const int MostRecords = 32;

    public LanguageModelCapabilities Capabilities => new(true, true, true, contextLength);

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        return SampleRequests.ScoreAsync(
            records.Count,
            MostRecords,
            service.Slots,
            range =>
            {
                PromptCompletion[] part = [.. records.Take(range)];
                var body = Body();
                body["records"] = new JsonArray([.. part.Select((record, i) => (JsonNode)new JsonObject
                {
                    ["id"] = $"{i}", // ids of records are nobody else's business
                    ["prompt"] = record.Prompt,
                    ["completion"] = record.Completion,
                })]);
                return service.PostAsync("/v1/score", body, answer => ReadScores(answer, part.Length), cancellationToken);
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        return SampleRequests.GenerateAsync(
            prompts.Count,
            service.Slots,
            i => service.PostAsync("/v1/completions", Generation(prompts[i], options), ReadGeneration, cancellationToken),
            cancellationToken);
    }

    private JsonObject Body()
    {
        var body = new JsonObject { ["model"] = model, ["recipe"] = recipe.DeepClone() };
        if (rules.Template.Name != ChatTemplates.None.Name) body["template"] = rules.Template.Name;
        if (rules.CompletionEnd != TextRules.Auto) body["completion_end"] = rules.CompletionEnd;
        return body;
    }

    private JsonObject Generation(string prompt, GenerationOptions options)
    {
        var body = Body();
        body["prompt"] = prompt;
        body["max_tokens"] = options.MaxTokens;
        body["temperature"] = options.Temperature;
        body["seed"] = options.Seed;
        if (options.TopP < 1) body["top_p"] = options.TopP;
        if (options.TopK > 0) body["top_k"] = options.TopK;
        if (options.RepetitionPenalty != 1) body["repetition_penalty"] = options.RepetitionPenalty;
        if (options.Stop.Count > 0) body["stop"] = new JsonArray([.. options.Stop.Select(text => (JsonNode)text)]);
        return body;
    }

    private static IReadOnlyList<ScoredCompletion> ReadScores(JsonElement answer, int count)
    {
        var records = answer.Member("records").Items("records");
        if (records.Count != count) throw new UnusableAnswerException($"scores {records.Count} records instead of {count}");
        return [.. records.Select((record, i) =>
        {
            if (record.Member("id").Text("id") != $"{i}") throw new UnusableAnswerException("scores other records than it was sent");
            var (length, prompt) = (record.Member("tokens").Integer("tokens"), record.Member("prompt_tokens").Integer("prompt_tokens"));
            if (record.Member("logprob").ValueKind == JsonValueKind.Null) // not finite: counts as worst
                return new ScoredCompletion(double.NaN, length, prompt, [.. Enumerable.Repeat(float.NaN, length)]);
            float[] tokens = [.. record.Member("token_logprobs").Items("token_logprobs")
                .Select(value => (float)value.LogProbability("token_logprobs"))];
            return tokens.Length == length
                ? new ScoredCompletion(record.Member("logprob").LogProbability("logprob"), length, prompt, tokens)
                : throw new UnusableAnswerException($"has {tokens.Length} log-probabilities of another number of tokens");
        })];
    }

    private static GeneratedCompletion ReadGeneration(JsonElement answer)
    {
        if (answer.Member("choices").Items("choices") is not [var choice, ..]) throw new UnusableAnswerException("has no choice");
        var reason = choice.Member("finish_reason").Text("finish_reason") == "length" ? StopReason.MaxTokens
            : choice.Find("stop_reason") is { ValueKind: JsonValueKind.String } ? StopReason.StopText
            : StopReason.EndOfSequence;
        return new GeneratedCompletion(
            choice.Member("text").Text("text"),
            answer.Member("usage").Member("completion_tokens").Integer("completion_tokens"),
            reason,
            answer.Member("usage").Member("prompt_tokens").Integer("prompt_tokens"));
    }
}
