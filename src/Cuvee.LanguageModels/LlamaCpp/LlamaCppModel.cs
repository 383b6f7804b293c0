using Cuvee.LanguageModels.Http;

namespace Cuvee.LanguageModels.LlamaCpp;

/// <summary>
/// The model of a llama-server under given scales of its adapters (wire format of llama.cpp v0.5.0, tools/server). The server has no
/// score route: an answer is forced token by token by a grammar of token ids, in one request. Tokens that end inside a character break
/// such a grammar; those are read from the distribution of the next token, one request each.
/// </summary>
/// <param name="scales">[adapters] by id.</param>
/// <param name="vocabulary">Tokens of the model.</param>
public sealed class LlamaCppModel(JsonService service, RecordTokens tokens, IReadOnlyList<double> scales, int vocabulary) : ILanguageModel
{
    private const string AsciiText = "a";

    private readonly LlamaCppRequest request = new(scales);

    public LanguageModelCapabilities Capabilities =>
        new(LogProbabilities: true, TokenLogProbabilities: true, Generation: true, tokens.ContextLength);

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(records);
        EncodedRecord[] encoded = [.. records.Select(tokens.Of)]; // before anything is sent
        return SampleRequests.ScoreAsync(
            encoded.Length, service.Slots, i => ScoreAsync(encoded[i], cancellationToken), cancellationToken);
    }

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        return SampleRequests.GenerateAsync(
            prompts.Count,
            service.Slots,
            async i =>
            {
                var prompt = tokens.Encoding.Prompt(prompts[i]);
                return await service.PostAsync(
                    LlamaCppRequest.Path, request.Generation(prompt, options), request.ReadGeneration, cancellationToken)
                    .ConfigureAwait(false) with
                { PromptTokens = prompt.Count };
            },
            cancellationToken);
    }

    private async Task<ScoredCompletion> ScoreAsync(EncodedRecord record, CancellationToken cancellationToken)
    {
        var scored = new List<float>(record.Tokens);
        while (scored.Count < record.Tokens)
        {
            var (start, answer) = (scored.Count, record.Answer);
            int[] prompt = [.. record.Prompt, .. answer[..start]];
            var end = start;
            while (end < answer.Length && !record.Split[end]) end++;
            if (end > start)
            {
                var (ids, closing) = (answer[start..end], end == answer.Length ? record.Closing : null);
                scored.AddRange(await service.PostAsync(
                    LlamaCppRequest.Path, request.Forced(prompt, ids, closing), body => request.ReadForced(body, ids, closing),
                    cancellationToken).ConfigureAwait(false));
            }
            else
            {
                var id = start < answer.Length ? answer[start] : record.Closing!.Value;
                var safe = tokens.Encoding.Completion(AsciiText)[0];
                scored.Add(await service.PostAsync(
                    LlamaCppRequest.Path, request.Next(prompt, vocabulary, safe), body => request.ReadNext(body, id),
                    cancellationToken).ConfigureAwait(false));
            }
        }

        return record.Scored(scored);
    }
}
