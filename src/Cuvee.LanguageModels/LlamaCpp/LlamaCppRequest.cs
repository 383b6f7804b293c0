using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.LanguageModels.Http;

namespace Cuvee.LanguageModels.LlamaCpp;

/// <summary>
/// Bodies for <c>POST /completion</c> and what is read from the answers. Every body carries the scale of every adapter, because a server
/// takes a missing list, and an empty one, for its global scales; and no body lets the server reuse a prompt, because its caches do not
/// tell scales apart.
/// </summary>
/// <param name="scales">[adapters] by id; null: no list at all, the server's global scales.</param>
/// <param name="cachePrompt">True only to find out whether the server's caches leak.</param>
internal sealed class LlamaCppRequest(IReadOnlyList<double>? scales, bool cachePrompt = false)
{
    public const string Path = "/completion";
    private const double Certain = 1e6; // a logit that nothing outbids

    /// <summary>The given tokens, forced by a grammar of token ids; where a closing token is scored, too, the grammar's end leaves only
    /// tokens that end generation, and the bias makes it this one. Reported log-probabilities are those of the raw logits.</summary>
    public JsonObject Forced(IEnumerable<int> prompt, IReadOnlyList<int> answer, int? closing)
    {
        var body = Body(prompt, answer.Count + 2);
        body["n_probs"] = 1;
        body["temperature"] = 0;
        body["grammar"] = "root ::= " + string.Join(' ', answer.Select(id => string.Create(CultureInfo.InvariantCulture, $"<[{id}]>")));
        if (closing is { } id) body["logit_bias"] = Bias(id);
        return body;
    }

    /// <summary>Log-probabilities of the next token for the <paramref name="count"/> most probable ones.</summary>
    /// <param name="sampled">The token that the server shall take: it reports nothing where that ends inside a character.</param>
    public JsonObject Next(IEnumerable<int> prompt, int count, int sampled)
    {
        var body = Body(prompt, 1);
        body["n_probs"] = count;
        body["temperature"] = 0;
        body["logit_bias"] = Bias(sampled);
        return body;
    }

    public JsonObject Generation(IEnumerable<int> prompt, GenerationOptions options)
    {
        var body = Body(prompt, options.MaxTokens);
        body["temperature"] = options.Temperature;
        body["top_p"] = options.TopP;
        body["top_k"] = options.TopK;
        body["min_p"] = 0;
        if (options.RepetitionPenalty != 1)
        {
            body["repeat_penalty"] = options.RepetitionPenalty;
            body["repeat_last_n"] = int.MaxValue;
        }

        body["seed"] = (long)(options.Seed % uint.MaxValue);
        body["stop"] = new JsonArray([.. options.Stop.Select(text => (JsonNode)text)]);
        return body;
    }

    /// <summary>[answer and closing] in nats.</summary>
    /// <exception cref="UnusableAnswerException">Entries are missing, of other tokens or not finite.</exception>
    /// <exception cref="LanguageModelException">The server used a cached prompt.</exception>
    public float[] ReadForced(JsonElement answer, IReadOnlyList<int> ids, int? closing)
    {
        RequireFresh(answer);
        var entries = answer.Member("completion_probabilities").Items("completion_probabilities");
        int[] wanted = closing is { } end ? [.. ids, end] : [.. ids];
        if (entries.Count < wanted.Length)
            throw new UnusableAnswerException($"has {entries.Count} log-probabilities instead of {wanted.Length}");
        var values = new float[wanted.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var id = entries[i].Member("id").Integer("id");
            if (id != wanted[i])
                throw new UnusableAnswerException($"scores token {id} instead of {wanted[i]}");
            values[i] = (float)entries[i].Member("logprob").LogProbability("logprob");
        }

        return values;
    }

    /// <summary>Of one token, in nats.</summary>
    public float ReadNext(JsonElement answer, int id)
    {
        RequireFresh(answer);
        var entries = answer.Member("completion_probabilities").Items("completion_probabilities");
        if (entries.Count == 0) throw new UnusableAnswerException("has no log-probabilities");
        foreach (var entry in entries[0].Member("top_logprobs").Items("top_logprobs"))
        {
            if (entry.Member("id").Integer("id") == id) return (float)entry.Member("logprob").LogProbability("logprob");
        }

        throw new UnusableAnswerException($"has no log-probability of token {id}");
    }

    /// <summary>Of the token that the server took, which must be this one; in nats.</summary>
    public float ReadSampled(JsonElement answer, int id) => ReadForced(answer, [id], null)[0];

    public GeneratedCompletion ReadGeneration(JsonElement answer)
    {
        RequireFresh(answer);
        var isTruncated = answer.Find("truncated") is { ValueKind: JsonValueKind.True };
        var reason = answer.Member("stop_type").Text("stop_type") switch
        {
            "eos" => StopReason.EndOfSequence,
            "word" => StopReason.StopText,
            "limit" => isTruncated ? StopReason.ContextLength : StopReason.MaxTokens,
            var other => throw new UnusableAnswerException($"ended for the unknown reason '{other}'"),
        };
        return new GeneratedCompletion(
            answer.Member("content").Text("content"), answer.Member("tokens_predicted").Integer("tokens_predicted"), reason);
    }

    private void RequireFresh(JsonElement answer)
    {
        if (cachePrompt) return;
        if (answer.Member("timings").Member("cache_n").Integer("cache_n") == 0) return;
        throw new LanguageModelException(
            "llama-server reused a cached prompt although it was asked not to, and its cache does not tell adapters apart; restart it " +
            "with --no-cache-prompt --cache-ram 0 --slot-prompt-similarity 0.");
    }

    private JsonObject Body(IEnumerable<int> prompt, int tokens)
    {
        var body = new JsonObject
        {
            ["prompt"] = new JsonArray([.. prompt.Select(id => (JsonNode)id)]),
            ["n_predict"] = tokens,
            ["cache_prompt"] = cachePrompt,
        };
        if (scales is null) return body;
        body["lora"] = new JsonArray([.. scales.Select((scale, id) => (JsonNode)new JsonObject { ["id"] = id, ["scale"] = scale })]);
        return body;
    }

    private static JsonArray Bias(int id) => [new JsonArray(id, Certain)];
}
