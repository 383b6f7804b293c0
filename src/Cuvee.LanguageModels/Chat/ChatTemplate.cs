using System.Text;

namespace Cuvee.LanguageModels.Chat;

/// <summary>One turn.</summary>
/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c>.</param>
public sealed record ChatMessage(string Role, string Content)
{
    public const string System = "system";

    public const string User = "user";

    public const string Assistant = "assistant";
}

/// <summary>
/// How a family of models writes a conversation down: what its Jinja <c>chat_template</c> renders, without tools. One entry of
/// <see cref="ChatTemplates.All"/>; a recognised template may differ from its family's usual form in the properties.
/// </summary>
public abstract record ChatTemplate(string Name)
{
    /// <summary>Written in front where <see cref="BeginsText"/> says so; null: the model has none.</summary>
    public string? BeginOfText { get; init; }

    /// <summary>The model's end-of-sequence token, which some families write behind every answer.</summary>
    public string? EndOfText { get; init; }

    /// <summary>The rendering starts with <see cref="BeginOfText"/>.</summary>
    public bool BeginsText { get; init; }

    /// <summary>Contents of users and assistants lose white space at both ends.</summary>
    public bool Trims { get; init; }

    /// <summary>The token that ends the assistant's turn; null where there is none that the template writes.</summary>
    public virtual string? EndOfTurn => EndOfText;

    /// <summary>The rendering holds every special token; where it does not, the tokenizer adds its own.</summary>
    public virtual bool WritesSpecialTokens => true;

    /// <summary>Splits a conversation into what the model is given and the answer it should give.</summary>
    /// <param name="messages">An optional system turn, then user and assistant turns; the last is the assistant's.</param>
    /// <exception cref="ArgumentException">Roles that the family cannot write; one sentence.</exception>
    public (string Prompt, string Completion) Render(IReadOnlyList<ChatMessage> messages)
    {
        if (messages.Count < 2 || messages[^1].Role != ChatMessage.Assistant)
            throw new ArgumentException("must end with an assistant turn, which is scored, after at least one other turn");
        var text = new StringBuilder();
        if (BeginsText) text.Append(BeginOfText);
        var system = messages[0].Role == ChatMessage.System ? messages[0].Content : null;
        var turns = messages.Skip(system is null ? 0 : 1).SkipLast(1)
            .Select(message => message with { Content = Trimmed(message.Content) }).ToList();
        if (turns.Find(turn => turn.Role is not (ChatMessage.User or ChatMessage.Assistant)) is { } stranger)
            throw new ArgumentException($"has a turn of the role \"{stranger.Role}\"; give one system turn first, then user and assistant");
        var answer = messages[^1].Content;
        WritePrompt(text, system, turns, answer);
        return (text.ToString(), Answer(answer));
    }

    /// <summary>What the model is given for a single question.</summary>
    public string Ask(string question) =>
        Render([new(ChatMessage.User, question), new(ChatMessage.Assistant, "")]).Prompt;

    /// <summary>Everything up to where the answer begins.</summary>
    /// <param name="system">As given.</param>
    /// <param name="answer">As given; it may decide how its own turn is opened.</param>
    protected abstract void WritePrompt(StringBuilder text, string? system, IReadOnlyList<ChatMessage> turns, string answer);

    protected virtual string Answer(string content) => Trimmed(content);

    protected string Trimmed(string content) => Trims ? content.Trim() : content;

    /// <exception cref="ArgumentException">Two user or two assistant turns follow each other.</exception>
    protected void RequireAlternation(IReadOnlyList<ChatMessage> turns)
    {
        for (var i = 0; i <= turns.Count; i++)
        {
            var role = i < turns.Count ? turns[i].Role : ChatMessage.Assistant; // the answer
            if ((role == ChatMessage.User) != (i % 2 == 0))
                throw new ArgumentException($"has turns that do not alternate between user and assistant, as template {Name} needs");
        }
    }
}
