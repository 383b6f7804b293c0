using System.Runtime.CompilerServices;
using Cuvee.LanguageModels;

namespace Cuvee.Inference;

/// <summary>
/// Token ids of records, formed once: a search scores the same sample for thousands of candidates. Keyed by the record object and forgotten
/// with it. Thread-safe.
/// </summary>
internal sealed class TokenCache(TextEncoder encoder, int contextLength)
{
    private readonly ConditionalWeakTable<PromptCompletion, TokenizedRecord> known = [];

    /// <exception cref="LanguageModelException">The completion is empty, the prompt has no token, or both exceed the context.</exception>
    public TokenizedRecord Tokenize(PromptCompletion record) => known.GetValue(record, Encode);

    private TokenizedRecord Encode(PromptCompletion record)
    {
        var prompt = encoder.Prompt(record.Prompt);
        var completion = encoder.Completion(record.Completion);
        if (record.Completion.Length == 0)
            throw new LanguageModelException($"Record '{record.Id}' has an empty completion; give it text to score.");
        if (prompt.Count == 0)
            throw new LanguageModelException(
                $"Record '{record.Id}' has an empty prompt and the tokenizer adds no start token; give it a prompt.");
        int[] tokens = [.. prompt, .. completion];
        if (tokens.Length > contextLength)
        {
            throw new LanguageModelException(
                $"Record '{record.Id}' has {tokens.Length} tokens, more than the model's context of {contextLength}; " +
                "shorten its prompt or completion.");
        }

        return new TokenizedRecord(record.Id, tokens, prompt.Count);
    }
}
