using System.Text;

namespace Cuvee.LanguageModels.Chat;

/// <summary>Gemma: the assistant is called model, and a system text opens the first user turn where the version knows any.</summary>
internal sealed record GemmaTemplate() : ChatTemplate("gemma")
{
    /// <summary>Gemma 3; the versions before refuse a system turn.</summary>
    public bool TakesSystem { get; init; } = true;

    public override string EndOfTurn => "<end_of_turn>";

    protected override void WritePrompt(StringBuilder text, string? system, IReadOnlyList<ChatMessage> turns, string answer)
    {
        if (system is not null && !TakesSystem)
            throw new ArgumentException("has a system turn, which this model's template gemma does not take");
        RequireAlternation(turns);
        var prefix = system is null ? "" : system + "\n\n";
        foreach (var turn in turns)
        {
            text.Append("<start_of_turn>").Append(turn.Role == ChatMessage.Assistant ? "model" : turn.Role).Append('\n')
                .Append(prefix).Append(turn.Content).Append(EndOfTurn).Append('\n');
            prefix = "";
        }

        text.Append("<start_of_turn>model\n");
    }
}
