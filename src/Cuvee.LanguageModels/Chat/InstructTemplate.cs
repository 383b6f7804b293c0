using System.Text;

namespace Cuvee.LanguageModels.Chat;

/// <summary>
/// Mistral: user turns in <c>[INST]</c>, answers behind; its versions differ in their spaces and in where a system text goes.
/// </summary>
internal sealed record InstructTemplate() : ChatTemplate("mistral")
{
    public string Open { get; init; } = "[INST] ";

    public string Close { get; init; } = " [/INST]";

    /// <summary>Before and behind an answer, and behind its end-of-sequence token.</summary>
    public (string Before, string Behind) Answers { get; init; } = ("", "");

    public bool TrimsAnswers { get; init; }

    /// <summary>Null: the version takes no system turn.</summary>
    public SystemPlace? System { get; init; } = SystemPlace.FirstUserTurn;

    protected override void WritePrompt(StringBuilder text, string? system, IReadOnlyList<ChatMessage> turns, string answer)
    {
        if (system is not null && System is null)
            throw new ArgumentException("has a system turn, which this model's template mistral does not take");
        RequireAlternation(turns);
        for (var i = 0; i < turns.Count; i++)
        {
            if (turns[i].Role == ChatMessage.Assistant)
            {
                text.Append(Answer(turns[i].Content)).Append(EndOfText).Append(Answers.Behind);
                continue;
            }

            var takesSystem = system is not null && i == (System == SystemPlace.FirstUserTurn ? 0 : turns.Count - 1);
            text.Append(Open).Append(takesSystem ? system + "\n\n" : "").Append(turns[i].Content).Append(Close);
        }
    }

    protected override string Answer(string content) => Answers.Before + (TrimsAnswers ? content.Trim() : content);
}

internal enum SystemPlace
{
    FirstUserTurn,
    LastUserTurn,
}
