using Cuvee.LanguageModels.Chat;

namespace Cuvee.LanguageModels;

/// <summary>How records become what a model sees: the template of prompts, and the token that closes every completion.</summary>
/// <param name="Template">Renders conversations; <see cref="ChatTemplates.None"/> leaves prompts as they stand.</param>
/// <param name="CompletionEnd"><see cref="Auto"/>, <see cref="NoEnd"/> or a token of the model.</param>
/// <param name="Origin">Where the template comes from, for people; null when it was named or there is none.</param>
public sealed record TextRules(ChatTemplate Template, string CompletionEnd = TextRules.Auto, string? Origin = null)
{
    /// <summary>The template's end of turn, else the model's first end-of-sequence token; as a template: the model's own.</summary>
    public const string Auto = "auto";

    /// <summary>Completions end without a token.</summary>
    public const string NoEnd = "none";

    public static TextRules Plain { get; } = new(ChatTemplates.None);

    /// <param name="template">A name, <see cref="Auto"/>, or null: <see cref="Auto"/> for conversations, none for others.</param>
    /// <param name="holdsConversations">The records are lists of messages.</param>
    /// <param name="chat">What the model says of itself.</param>
    /// <exception cref="ArgumentException">No such template, or the model's is missing or not recognised; one sentence.</exception>
    public static TextRules Choose(string? template, string completionEnd, bool holdsConversations, ModelChat chat)
    {
        ArgumentNullException.ThrowIfNull(chat);
        template ??= holdsConversations ? Auto : ChatTemplates.None.Name;
        var isOwn = template == Auto;
        if (isOwn && chat.Template is null)
        {
            throw new ArgumentException(
                $"the model names no chat template ({chat.Origin}); name one of {ChatTemplates.Names}, or give rendered prompts.");
        }

        var chosen = isOwn
            ? ChatTemplates.Recognise(chat.Template!) ?? throw new ArgumentException(
                $"the model's chat template ({chat.Origin}) is none that Cuvee knows; name one of {ChatTemplates.Names}, " +
                "or give rendered prompts.")
            : ChatTemplates.All.FirstOrDefault(each => each.Name == template)
                ?? throw new ArgumentException($"there is no template '{template}'; name auto or one of {ChatTemplates.Names}.");
        return new TextRules(
            chosen with { BeginOfText = chat.BeginOfText, EndOfText = chat.EndOfText }, completionEnd, isOwn ? chat.Origin : null);
    }
}

/// <summary>What a model says of its conversations.</summary>
/// <param name="Template">Jinja; null where there is none.</param>
/// <param name="Origin">Where it was looked for, such as a file.</param>
/// <param name="BeginOfText">Spelling of the token; null where the model has none.</param>
/// <param name="EndOfText">Likewise.</param>
public sealed record ModelChat(string? Template, string Origin, string? BeginOfText, string? EndOfText);
