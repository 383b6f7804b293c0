using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;
using Cuvee.Training;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// Records to training examples under the token contract: prompt with special tokens, completion without, one end-of-sequence
/// id, loss on the answer only.
/// </summary>
internal sealed class ExampleEncoder(Tokenizer tokenizer, int endOfSequence, int contextLength)
{
    /// <summary>Null when the record does not fit the context.</summary>
    public TrainingExample? Encode(PromptCompletion record)
    {
        var prompt = tokenizer.EncodePrompt(record.Prompt);
        var completion = tokenizer.EncodeContinuation(record.Completion);
        if (prompt.Count + completion.Count + 1 > contextLength) return null;
        return new TrainingExample([.. prompt, .. completion, endOfSequence], prompt.Count);
    }

    public TrainingExample[] EncodeAll(IEnumerable<PromptCompletion> records) => [.. records.Select(Encode).OfType<TrainingExample>()];
}
