using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;

namespace Cuvee.Server.Routes;

/// <summary><c>POST /v1/completions</c>: OpenAI's, with log-probabilities of prompts as vLLM gives them.</summary>
internal sealed class CompletionRoute(
    ServedPool served, EngineScheduler engine, AnswerWriter writer, ServerOptions options, TimeProvider time)
{
    private const int DefaultMaxTokens = 16; // OpenAI's

    private static readonly string[] Known =
    [
        "model", "recipe", "template", "completion_end", "prompt", "max_tokens", "temperature", "top_p", "top_k", "repetition_penalty",
        "seed", "stop", "stream", "stream_options", "echo", "logprobs", "prompt_logprobs", "n", "best_of", "user",
    ];

    public async Task CompleteAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var tenant = context.Features.GetRequiredFeature<Tenant>();
        using var document = await RequestDocument.ReadAsync(context, options.MaxBodyBytes, cancellation).ConfigureAwait(false);
        var root = document.Root;
        root.RequireOnly(Known);
        RequestFields.RequireOne(root, "n");
        RequestFields.RequireOne(root, "best_of");
        var (name, recipe) = RequestFields.Model(root, served);
        var contextLength = served.Config.MaxPositionEmbeddings;
        var encoder = RequestFields.Texts(root, served, isConversation: false).Encoder;
        var prompts = CompletionPrompts.Read(root["prompt"], encoder, served.Config.VocabSize, contextLength);
        var sampling = RequestFields.Sampling(root, DefaultMaxTokens, contextLength);
        var stop = RequestFields.Stop(root);
        var streamsUsage = RequestFields.StreamsUsage(root);
        var (echo, stream) = (RequestFields.Flag(root, "echo"), RequestFields.Flag(root, "stream"));
        var logprobs = root.Find("logprobs")?.Integer(0, 0) is not null;
        var promptLogprobs = root.Find("prompt_logprobs")?.Integer(0, 0) is not null;
        if (stream && (echo || logprobs || promptLogprobs))
            throw root.Error("stream", "does not go with echo, logprobs or prompt_logprobs; leave one of them out");
        if (logprobs || promptLogprobs) tenant.Require(KeyRights.Score);
        if (sampling.MaxTokens > 0) tenant.Require(KeyRights.Generate);
        IReadOnlyList<int> closing = encoder.ClosingToken is { } token ? [token] : [];
        tenant.TakeTokens(prompts.Sum(prompt => (long)prompt.Tokens.Length + sampling.MaxTokens));
        var head = new CompletionHead($"cmpl-{context.TraceIdentifier}", "text_completion", time.GetUtcNow().ToUnixTimeSeconds(), name);
        if (stream)
        {
            await AnswerStream.SendAsync(
                context,
                settled => writer.WriteAsync(recipe, prompts, sampling, stop, closing, settled, cancellation),
                (prompt, text, finishReason) => Chunk(head, prompt, text, finishReason),
                streamsUsage ? answers => UsageChunk.Of(head, Usage.Of(prompts, answers)) : null).ConfigureAwait(false);
            return;
        }

        var answers = await writer.WriteAsync(recipe, prompts, sampling, stop, closing, null, cancellation).ConfigureAwait(false);
        var scores = await ScoreAsync(recipe, prompts, answers, logprobs, echo || promptLogprobs, cancellation).ConfigureAwait(false);
        await JsonReply.WriteAsync(context, new
        {
            head.Id,
            head.Object,
            head.Created,
            head.Model,
            Choices = answers.Select((answer, i) => Choice(i, prompts[i].Tokens, answer, scores?[i], echo, logprobs, promptLogprobs)),
            Usage = Usage.Of(prompts, answers),
        }, cancellation).ConfigureAwait(false);
    }

    /// <summary>Log-probability of every token of prompt and answer but the first; null where nobody wants any.</summary>
    private async Task<IReadOnlyList<float[]>?> ScoreAsync(
        ServedRecipe recipe, IReadOnlyList<TokenizedPrompt> prompts, IReadOnlyList<Answer> answers, bool logprobs, bool ofPrompts,
        CancellationToken cancellationToken)
    {
        if (!logprobs && !ofPrompts) return null;
        var records = prompts
            .Zip(answers, (prompt, answer) => new TokenizedRecord(prompt.Id, [.. prompt.Tokens, .. answer.TextTokens], 1)).ToList();
        if (records.Find(record => record.Tokens.Length < 2) is { } single)
        {
            throw new BadInputException(
                $"request: prompt '{single.Id}' and its answer have one token, which nothing stands before; give more.");
        }

        var scores = await engine.ScoreAsync(new ScoreJob(recipe, records, cancellationToken)).ConfigureAwait(false);
        TokenLogprobs.RequireFinite("prompt", records, scores);
        return scores;
    }

    private Dictionary<string, object?> Choice(
        int index, int[] prompt, Answer answer, float[]? scores, bool echo, bool logprobs, bool promptLogprobs)
    {
        var choice = new Dictionary<string, object?>
        {
            ["index"] = index,
            ["text"] = echo ? served.Tokenizer.Decode(prompt) + answer.Text : answer.Text,
            ["logprobs"] = logprobs
                ? TokenLogprobs.Legacy(served.Tokenizer, [.. prompt, .. answer.TextTokens], scores!, echo ? 0 : prompt.Length)
                : null,
            ["finish_reason"] = answer.FinishReason,
        };
        if (promptLogprobs) choice["prompt_logprobs"] = TokenLogprobs.OfPrompt(served.Tokenizer, prompt, scores!);
        return choice;
    }

    private static object Chunk(CompletionHead head, int index, string text, string? finishReason) => new
    {
        head.Id,
        head.Object,
        head.Created,
        head.Model,
        Choices = new[] { new { Index = index, Text = text, Logprobs = (object?)null, FinishReason = finishReason } },
    };
}
