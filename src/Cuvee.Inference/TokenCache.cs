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

    /// <exception cref="LanguageModelException">Prompt or completion has no token, or both exceed the context.</exception>
    public TokenizedRecord Tokenize(PromptCompletion record) => known.GetValue(record, each => encoder.Record(each, contextLength));
}
