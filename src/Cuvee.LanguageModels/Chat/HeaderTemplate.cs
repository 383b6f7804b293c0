using System.Text;

namespace Cuvee.LanguageModels.Chat;

/// <summary>Llama 3: each turn under a header that names its role.</summary>
internal sealed record HeaderTemplate() : ChatTemplate("llama3")
{
    /// <summary>Lines that Llama 3.1 and later put in front of every system turn, which is then always there; null for Llama 3.</summary>
    public string? Preamble { get; init; }

    public override string EndOfTurn => "<|eot_id|>";

    protected override void WritePrompt(StringBuilder text, string? system, IReadOnlyList<ChatMessage> turns, string answer)
    {
        if (Preamble is not null || system is not null) Write(text, ChatMessage.System, Preamble + Trimmed(system ?? ""));
        foreach (var turn in turns) Write(text, turn.Role, turn.Content);
        text.Append("<|start_header_id|>assistant<|end_header_id|>\n\n");
    }

    private void Write(StringBuilder text, string role, string content) =>
        text.Append("<|start_header_id|>").Append(role).Append("<|end_header_id|>\n\n").Append(content).Append(EndOfTurn);
}
