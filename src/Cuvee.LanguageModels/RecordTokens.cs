using System.Runtime.CompilerServices;

namespace Cuvee.LanguageModels;

/// <summary>
/// Token ids of records, checked against the context and formed once: a search asks about the same records for thousands of candidates.
/// Keyed by the record object and forgotten with it. Thread-safe.
/// </summary>
/// <param name="contextLength">Prompt and completion together, in tokens.</param>
public sealed class RecordTokens(ITextEncoding encoding, int contextLength)
{
    private const char Replacement = '\uFFFD';

    private readonly ConditionalWeakTable<PromptCompletion, EncodedRecord> known = [];

    public ITextEncoding Encoding => encoding;

    public int ContextLength => contextLength;

    /// <exception cref="LanguageModelException">Prompt or completion has no token, or both exceed the context.</exception>
    public EncodedRecord Of(PromptCompletion record) => known.GetValue(record, Encode);

    /// <summary>Prompt and completion of a record, the closing token with it.</summary>
    /// <exception cref="LanguageModelException">As <see cref="Of"/>.</exception>
    public static (int[] Prompt, int[] Completion) Checked(ITextEncoding encoding, PromptCompletion record, int contextLength)
    {
        ArgumentNullException.ThrowIfNull(encoding);
        ArgumentNullException.ThrowIfNull(record);
        if (record.Completion.Length == 0)
            throw new LanguageModelException($"Record '{record.Id}' has an empty completion; give it text to score.");
        int[] prompt = [.. encoding.Prompt(record.Prompt)];
        if (prompt.Length == 0)
        {
            throw new LanguageModelException(
                $"Record '{record.Id}' has an empty prompt and the tokenizer adds no start token; give it a prompt.");
        }

        int[] completion = [.. encoding.Completion(record.Completion)];
        if (completion.Length == 0)
        {
            throw new LanguageModelException(
                $"Record '{record.Id}' has a completion of which the tokenizer makes no token; give it text to score.");
        }

        return prompt.Length + completion.Length <= contextLength
            ? (prompt, completion)
            : throw new LanguageModelException(
                $"Record '{record.Id}' has {prompt.Length + completion.Length} tokens, more than the model's context of {contextLength}; " +
                "shorten its prompt or completion.");
    }

    private EncodedRecord Encode(PromptCompletion record)
    {
        var (prompt, completion) = Checked(encoding, record, contextLength);
        var answer = encoding.ClosingToken is null ? completion : completion[..^1];
        return new EncodedRecord(record.Id, prompt, answer, encoding.ClosingToken, SplitTokens(record.Completion, answer));
    }

    /// <summary>A token is split where its bytes begin or end inside a character.</summary>
    private bool[] SplitTokens(string text, int[] answer)
    {
        var split = new bool[answer.Length];
        if (System.Text.Ascii.IsValid(text)) return split;
        var isInside = false; // a character that earlier tokens began
        for (var i = 0; i < answer.Length; i++)
        {
            var endsInside = i < answer.Length - 1 && encoding.Decode(answer.AsSpan(0, i + 1).ToArray()).EndsWith(Replacement);
            split[i] = isInside || endsInside;
            isInside = endsInside;
        }

        return split;
    }
}

/// <param name="Prompt">At least one id.</param>
/// <param name="Answer">Without the closing token.</param>
/// <param name="Closing">Scored behind the answer; null: none.</param>
/// <param name="Split">[answer] Tokens that begin or end inside a character.</param>
public sealed record EncodedRecord(string Id, int[] Prompt, int[] Answer, int? Closing, bool[] Split)
{
    /// <summary>Prompt, answer and closing token.</summary>
    public int[] All => Closing is { } closing ? [.. Prompt, .. Answer, closing] : [.. Prompt, .. Answer];

    /// <summary>Scored tokens.</summary>
    public int Tokens => Answer.Length + (Closing is null ? 0 : 1);

    /// <param name="logProbabilities">[<see cref="Tokens"/>]</param>
    public ScoredCompletion Scored(IReadOnlyList<float> logProbabilities) =>
        new(logProbabilities.Sum(value => (double)value), Tokens, Prompt.Length, logProbabilities);
}
