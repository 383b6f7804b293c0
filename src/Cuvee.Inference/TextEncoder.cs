using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Chat;

namespace Cuvee.Inference;

/// <summary>The token contract: how prompts and completions become ids, and which id closes a completion. Thread-safe.</summary>
public sealed class TextEncoder : ITextEncoding
{
    private readonly bool addsSpecialTokens;

    /// <exception cref="BadInputException">The closing token is not one of the tokenizer's, or the model has no end-of-sequence id.
    /// </exception>
    public TextEncoder(Tokenizer tokenizer, LlamaConfig config, TextRules rules)
    {
        Tokenizer = tokenizer;
        addsSpecialTokens = rules.Template.WritesSpecialTokens is false;
        ClosingToken = rules.CompletionEnd switch
        {
            TextRules.NoEnd => null,
            TextRules.Auto => EndOfTurn(rules.Template) ?? (config.EosTokenIds is [var first, ..] ? first : throw new BadInputException(
                "The model has no end-of-sequence id, which closes every scored completion; set eos_token_id in its config.json, or " +
                "completion_end to a token or to none.")),
            var named => tokenizer.IdOf(named) ?? throw new BadInputException(
                $"completion_end names '{named}', which is no token of the model's tokenizer; name one of its tokens, auto or none."),
        };
    }

    public Tokenizer Tokenizer { get; }

    /// <summary>Null where completions end without one.</summary>
    public int? ClosingToken { get; }

    /// <summary>By the tokenizer's own special-token rule, unless a template has written the special tokens.</summary>
    public IReadOnlyList<int> Prompt(string text) =>
        addsSpecialTokens ? Tokenizer.EncodePrompt(text) : Tokenizer.Encode(text, addSpecialTokens: false);

    /// <summary>As the continuation of the prompt, then the closing id.</summary>
    public IReadOnlyList<int> Completion(string text)
    {
        var ids = Tokenizer.EncodeContinuation(text);
        return ClosingToken is { } closing ? [.. ids, closing] : ids;
    }

    public string Decode(IReadOnlyList<int> ids) => Tokenizer.DecodeContinuation([.. ids.Where(Tokenizer.HasToken)]);

    /// <param name="contextLength">Tokens that the model takes, at most.</param>
    /// <exception cref="LanguageModelException">Prompt or completion has no token, or both exceed the context.</exception>
    public TokenizedRecord Record(PromptCompletion record, int contextLength)
    {
        var (prompt, completion) = RecordTokens.Checked(this, record, contextLength);
        return new TokenizedRecord(record.Id, [.. prompt, .. completion], prompt.Length);
    }

    private int? EndOfTurn(ChatTemplate template) => template.EndOfTurn is not { } token
        ? null
        : Tokenizer.IdOf(token) ?? throw new BadInputException(
            $"Template {template.Name} ends a turn with '{token}', which is no token of the model's tokenizer; name another template, " +
            "or set completion_end.");
}
