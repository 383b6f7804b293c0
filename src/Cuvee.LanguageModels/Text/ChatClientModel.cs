using Cuvee.LanguageModels.Http;
using Microsoft.Extensions.AI;

namespace Cuvee.LanguageModels.Text;

/// <summary>
/// A hosted chat model as a black box that only answers: any <see cref="IChatClient"/>. A prompt is one user turn; what the server makes
/// of it before and behind is its own.
/// </summary>
/// <param name="choice">What every request carries beside the decoding settings, such as the model's name or a recipe.</param>
/// <param name="slots">Requests at the same time, at most.</param>
public sealed class ChatClientModel(IChatClient client, ChatOptions choice, int slots) : ILanguageModel
{
    public LanguageModelCapabilities Capabilities =>
        new(LogProbabilities: false, TokenLogProbabilities: false, Generation: true, ContextLength: null);

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken) =>
        throw new LanguageModelException("A chat endpoint gives no log-probabilities; take a metric of its answers as the objective.");

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        return SampleRequests.GenerateAsync(
            prompts.Count, slots, i => AskAsync(prompts[i], options, cancellationToken), cancellationToken);
    }

    private async Task<GeneratedCompletion> AskAsync(string prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        var request = choice.Clone();
        request.MaxOutputTokens = options.MaxTokens;
        request.Temperature = (float)options.Temperature;
        if (options.TopP < 1) request.TopP = (float)options.TopP;
        if (options.TopK > 0) request.TopK = options.TopK;
        request.Seed = (long)(options.Seed % int.MaxValue);
        if (options.Stop.Count > 0) request.StopSequences = [.. options.Stop];
        ChatResponse response;
        try
        {
            response = await client.GetResponseAsync([new ChatMessage(ChatRole.User, prompt)], request, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or LanguageModelException))
        {
            throw new LanguageModelException($"the chat endpoint failed: {exception.Message.TrimEnd('.')}.", exception);
        }

        return new GeneratedCompletion(
            response.Text,
            (int)(response.Usage?.OutputTokenCount ?? 0),
            response.FinishReason == ChatFinishReason.Length ? StopReason.MaxTokens : StopReason.EndOfSequence,
            (int)(response.Usage?.InputTokenCount ?? 0));
    }
}
