using Cuvee.Configuration;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;

namespace Cuvee.Planning;

/// <summary>Counts tokens as scoring does: prompt with special tokens, completion without, one end-of-sequence token.</summary>
internal sealed class RecordTokens(Tokenizer tokenizer, int contextLength)
{
    /// <returns>Mean tokens a record.</returns>
    /// <exception cref="RunConfigurationException">A record is empty or longer than the context; named before anything is
    /// queried.</exception>
    public double Mean(IReadOnlyList<PromptCompletion> records, string file) => records.Average(record =>
    {
        var completion = tokenizer.Encode(record.Completion, addSpecialTokens: false).Count;
        if (completion == 0)
            throw new RunConfigurationException($"{file}: record '{record.Id}' has an empty completion; fill or remove it.");
        var tokens = tokenizer.Encode(record.Prompt, addSpecialTokens: true).Count + completion + 1;
        return tokens <= contextLength
            ? tokens
            : throw new RunConfigurationException(
                $"{file}: record '{record.Id}' has {tokens} tokens and the model's context is {contextLength}; shorten or remove it.");
    });
}
