using Cuvee.Formats.Json;
using Cuvee.Inference;
using Cuvee.LanguageModels.Chat;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;

namespace Cuvee.Server.Routes;

/// <summary><c>POST /v1/chat/completions</c>: conversations under the model's template, or one by name.</summary>
internal sealed class ChatRoute(
    ServedPool served, EngineScheduler engine, AnswerWriter writer, ServerOptions options, TimeProvider time)
{
    private static readonly string[] Known =
    [
        "model", "recipe", "template", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k",
        "repetition_penalty", "seed", "stop", "stream", "stream_options",
        "logprobs", "n", "user",
    ];

    public async Task ChatAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var tenant = context.Features.GetRequiredFeature<Tenant>();
        tenant.Require(KeyRights.Generate);
        using var document = await RequestDocument.ReadAsync(context, options.MaxBodyBytes, cancellation).ConfigureAwait(false);
        var root = document.Root;
        root.RequireOnly(Known);
        if (RequestFields.Flag(root, "logprobs")) tenant.Require(KeyRights.Score);
        RequestFields.RequireOne(root, "n");
        var (name, recipe) = RequestFields.Model(root, served);
        var (rules, encoder) = RequestFields.Texts(root, served, isConversation: true);
        var contextLength = served.Config.MaxPositionEmbeddings;
        var prompt = Prompt(root["messages"], rules.Template, encoder, contextLength);
        var sampling = RequestFields.Sampling(root, contextLength, contextLength - prompt.Tokens.Length);
        var stop = RequestFields.Stop(root);
        var streamsUsage = RequestFields.StreamsUsage(root);
        var (logprobs, stream) = (RequestFields.Flag(root, "logprobs"), RequestFields.Flag(root, "stream"));
        if (stream && logprobs) throw root.Error("stream", "does not go with logprobs; leave one of them out");
        tenant.TakeTokens(prompt.Tokens.Length + sampling.MaxTokens);
        IReadOnlyList<int> closing = encoder.ClosingToken is { } token ? [token] : [];
        var head = new CompletionHead(
            $"chatcmpl-{context.TraceIdentifier}", stream ? "chat.completion.chunk" : "chat.completion",
            time.GetUtcNow().ToUnixTimeSeconds(), name);
        if (stream)
        {
            await AnswerStream.SendAsync(
                context,
                settled => writer.WriteAsync(recipe, [prompt], sampling, stop, closing, settled, cancellation),
                (_, text, finishReason) => Chunk(head, text, finishReason),
                streamsUsage ? answers => UsageChunk.Of(head, Usage.Of([prompt], answers)) : null).ConfigureAwait(false);
            return;
        }

        var answers = await writer.WriteAsync(recipe, [prompt], sampling, stop, closing, null, cancellation).ConfigureAwait(false);
        var answer = answers[0];
        var content = logprobs ? await LogprobsAsync(recipe, prompt, answer, cancellation).ConfigureAwait(false) : null;
        await JsonReply.WriteAsync(context, new
        {
            head.Id,
            head.Object,
            head.Created,
            head.Model,
            Choices = new[]
            {
                new
                {
                    Index = 0,
                    Message = new { Role = ChatMessage.Assistant, Content = answer.Text },
                    Logprobs = content is null ? null : new { Content = content },
                    answer.FinishReason,
                },
            },
            Usage = Usage.Of([prompt], answers),
        }, cancellation).ConfigureAwait(false);
    }

    private async Task<IEnumerable<object>> LogprobsAsync(
        ServedRecipe recipe, TokenizedPrompt prompt, Answer answer, CancellationToken cancellationToken)
    {
        if (answer.TextTokens.Count == 0) return [];
        TokenizedRecord[] records = [new(prompt.Id, [.. prompt.Tokens, .. answer.TextTokens], prompt.Tokens.Length)];
        var scores = await engine.ScoreAsync(new ScoreJob(recipe, records, cancellationToken)).ConfigureAwait(false);
        TokenLogprobs.RequireFinite("prompt", records, scores);
        return TokenLogprobs.OfChat(served.Tokenizer, answer.TextTokens, scores[0]);
    }

    private static TokenizedPrompt Prompt(JsonField messages, ChatTemplate template, TextEncoder encoder, int contextLength)
    {
        var turns = messages.Items().Select(message =>
        {
            message.RequireOnly("role", "content", "name");
            return new ChatMessage(message["role"].Text(), Content(message["content"]));
        }).ToList();
        try
        {
            int[] tokens = [.. encoder.Prompt(template.Render([.. turns, new(ChatMessage.Assistant, "")]).Prompt)];
            return tokens.Length > 0 && tokens.Length < contextLength
                ? new TokenizedPrompt("0", tokens)
                : throw messages.Error($"has {tokens.Length} tokens of the {contextLength - 1} that the model's context has room for");
        }
        catch (ArgumentException exception)
        {
            throw messages.Error(exception.Message, exception);
        }
    }

    /// <summary>A text, or OpenAI's list of parts, each a text.</summary>
    private static string Content(JsonField content) => content.IsList
        ? string.Concat(content.Items().Select(part =>
        {
            part.RequireOnly("type", "text");
            return part["text"].Text();
        }))
        : content.Text();

    private static object Chunk(CompletionHead head, string text, string? finishReason) => new
    {
        head.Id,
        head.Object,
        head.Created,
        head.Model,
        Choices = new[]
        {
            new { Index = 0, Delta = new { Role = ChatMessage.Assistant, Content = text }, FinishReason = finishReason },
        },
    };
}
