using Cuvee.Formats;
using Cuvee.Inference;

namespace Cuvee.Providers;

/// <summary>Counts records in a model's tokens, and refuses those that it could not answer.</summary>
public static class RecordLengths
{
    /// <param name="context">In tokens.</param>
    /// <param name="file">Of the records, for errors.</param>
    /// <exception cref="BadInputException">A record has nothing to score or does not fit the context.</exception>
    public static IReadOnlyList<RecordLength> Of(IReadOnlyList<PromptCompletion> records, TextEncoder encoder, int context, string file)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        return [.. records.Select(record =>
        {
            if (record.Completion.Length == 0)
                throw new BadInputException($"{file}: record '{record.Id}' has an empty completion; fill or remove it.");
            var length = new RecordLength(encoder.Prompt(record.Prompt).Count, encoder.Completion(record.Completion).Count);
            if (length.Completion == 0)
            {
                throw new BadInputException(
                    $"{file}: record '{record.Id}' has a completion of which the tokenizer makes no token; fill or remove it.");
            }

            return length.Tokens <= context
                ? length
                : throw new BadInputException(
                    $"{file}: record '{record.Id}' has {length.Tokens} tokens and the model's context is {context}; shorten or remove it.");
        })];
    }
}
