using Cuvee.LanguageModels;

namespace Cuvee.Inference;

/// <param name="Tokens">What was generated, in order; ends with the end-of-sequence token when that is the reason.</param>
public sealed record GeneratedTokens(IReadOnlyList<int> Tokens, StopReason StopReason);
