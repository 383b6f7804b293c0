using System.Runtime.CompilerServices;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;

namespace Cuvee.Inference;

/// <summary>
/// Token ids of records, formed once: a search scores the same sample for thousands of candidates. Keyed by the record object and forgotten
/// with it. Thread-safe.
/// </summary>
internal sealed class TokenCache(Tokenizer tokenizer, int endOfSequence, int contextLength)
{
    private readonly ConditionalWeakTable<PromptCompletion, TokenizedRecord> known = [];

    /// <summary>Prompt by the tokenizer's special-token rule, completion without, then the end-of-sequence id.</summary>
    /// <exception cref="LanguageModelException">The completion is empty, the prompt has no token, or both exceed the context.</exception>
    public TokenizedRecord Tokenize(PromptCompletion record) => known.GetValue(record, Encode);

    private TokenizedRecord Encode(PromptCompletion record)
    {
        var prompt = tokenizer.Encode(record.Prompt, addSpecialTokens: true);
        var completion = tokenizer.Encode(record.Completion, addSpecialTokens: false);
        if (completion.Count == 0)
            throw new LanguageModelException($"Record '{record.Id}' has an empty completion; give it text to score.");
        if (prompt.Count == 0)
            throw new LanguageModelException(
                $"Record '{record.Id}' has an empty prompt and the tokenizer adds no start token; give it a prompt.");
        int[] tokens = [.. prompt, .. completion, endOfSequence];
        if (tokens.Length > contextLength)
        {
            throw new LanguageModelException(
                $"Record '{record.Id}' has {tokens.Length} tokens, more than the model's context of {contextLength}; " +
                "shorten its prompt or completion.");
        }

        return new TokenizedRecord(record.Id, tokens, prompt.Count);
    }
}
