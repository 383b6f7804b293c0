using Cuvee.LanguageModels;

namespace Cuvee.Lab.Data;

/// <summary>A split of a data set as prompts and completions of one task.</summary>
/// <param name="Records">Ids are <c>{dataset}-{split}-{index}</c>, the index counting these records from 0.</param>
/// <param name="LeftOutForSeparator">Questions left out because a span contains ";", which separates the items of an answer.</param>
/// <param name="LeftOutAsEmpty">Records left out because there is nothing to ask about (no entity to type, no event).</param>
public sealed record TaskRecords(IReadOnlyList<PromptCompletion> Records, int LeftOutForSeparator, int LeftOutAsEmpty);
