using Cuvee.Formats;
using Cuvee.Inference;

namespace Cuvee.Providers;

/// <summary>Counts records in a model's tokens, and refuses those that it could not answer.</summary>
internal static class RecordLengths
{
    /// <param name="context">In tokens.</param>
    /// <param name="file">Of the records, for errors.</param>
    /// <returns>Mean prompt and completion tokens.</returns>
    /// <exception cref="BadInputException">A record is empty or does not fit the context.</exception>
    public static double Mean(IReadOnlyList<PromptCompletion> records, TextEncoder encoder, int context, string file) =>
        records.Average(record =>
        {
            if (record.Completion.Length == 0)
                throw new BadInputException($"{file}: record '{record.Id}' has an empty completion; fill or remove it.");
            var tokens = encoder.Prompt(record.Prompt).Count + encoder.Completion(record.Completion).Count;
            return tokens <= context
                ? tokens
                : throw new BadInputException(
                    $"{file}: record '{record.Id}' has {tokens} tokens and the model's context is {context}; shorten or remove it.");
        });
}
