using System.Text;

namespace Cuvee.LanguageModels.Chat;

/// <summary>Stanford Alpaca's headings, as LLaMA-Factory writes them. No special token of its own.</summary>
internal sealed record AlpacaTemplate() : ChatTemplate("alpaca")
{
    private const string Preamble =
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

    public override bool WritesSpecialTokens => false;

    protected override void WritePrompt(StringBuilder text, string? system, IReadOnlyList<ChatMessage> turns, string answer)
    {
        RequireAlternation(turns);
        text.Append(system ?? Preamble).Append("\n\n");
        foreach (var turn in turns)
        {
            if (turn.Role == ChatMessage.User)
                text.Append("### Instruction:\n").Append(turn.Content).Append("\n\n### Response:\n");
            else
                text.Append(turn.Content).Append(EndOfText).Append("\n\n");
        }
    }
}
