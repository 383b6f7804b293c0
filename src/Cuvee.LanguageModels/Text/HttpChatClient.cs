using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.LanguageModels.Http;
using Microsoft.Extensions.AI;

namespace Cuvee.LanguageModels.Text;

/// <summary>
/// OpenAI's <c>POST chat/completions</c> behind a service that retries. <see cref="ChatOptions.AdditionalProperties"/> of type
/// <see cref="JsonNode"/> become fields of the request, which is how a recipe travels.
/// </summary>
/// <param name="service">Its address ends where <c>/chat/completions</c> begins, usually with <c>/v1</c>.</param>
public sealed class HttpChatClient(JsonService service) : IChatClient
{
    private const string Path = "/chat/completions";

    /// <exception cref="ServiceException">Refused, or failed in every attempt.</exception>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        service.PostAsync(Path, Body(messages, options ?? new ChatOptions()), Read, cancellationToken);

    /// <summary>The whole answer at once: nothing here reads parts.</summary>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var response = await GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        foreach (var update in response.ToChatResponseUpdates()) yield return update;
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is null && serviceType.IsInstanceOfType(this) ? this : null;
    }

    public void Dispose() => service.Dispose();

    private static JsonObject Body(IEnumerable<ChatMessage> messages, ChatOptions options)
    {
        var body = new JsonObject
        {
            ["model"] = options.ModelId,
            ["messages"] = new JsonArray([.. messages.Select(message =>
                (JsonNode)new JsonObject { ["role"] = message.Role.Value, ["content"] = message.Text })]),
        };
        if (options.MaxOutputTokens is { } tokens) body["max_tokens"] = tokens;
        if (options.Temperature is { } temperature) body["temperature"] = temperature;
        if (options.TopP is { } topP) body["top_p"] = topP;
        if (options.TopK is { } topK) body["top_k"] = topK;
        if (options.Seed is { } seed) body["seed"] = seed;
        if (options.StopSequences is { Count: > 0 } stop) body["stop"] = new JsonArray([.. stop.Select(text => (JsonNode)text)]);
        foreach (var (name, value) in options.AdditionalProperties ?? [])
        {
            if (value is JsonNode node) body[name] = node.DeepClone();
        }

        return body;
    }

    private static ChatResponse Read(JsonElement answer)
    {
        if (answer.Member("choices").Items("choices") is not [var choice, ..]) throw new UnusableAnswerException("has no choice");
        var content = choice.Member("message").Member("content");
        var text = content.ValueKind == JsonValueKind.Null ? "" : content.Text("content"); // null: the model said nothing
        var usage = answer.Find("usage");
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, text))
        {
            FinishReason = choice.Find("finish_reason") is { } reason ? new ChatFinishReason(reason.Text("finish_reason")) : null,
            Usage = usage?.Find("completion_tokens") is { } count
                ? new UsageDetails
                {
                    InputTokenCount = usage.Value.Find("prompt_tokens")?.Integer("prompt_tokens"),
                    OutputTokenCount = count.Integer("completion_tokens"),
                }
                : null,
        };
    }
}
