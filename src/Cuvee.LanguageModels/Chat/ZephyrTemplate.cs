using System.Text;

namespace Cuvee.LanguageModels.Chat;

/// <summary>Zephyr and TinyLlama: <c>&lt;|user|&gt;</c> on a line, the text, the end-of-sequence token.</summary>
internal sealed record ZephyrTemplate() : ChatTemplate("zephyr")
{
    protected override void WritePrompt(StringBuilder text, string? system, IReadOnlyList<ChatMessage> turns, string answer)
    {
        if (system is not null) Write(text, ChatMessage.System, system);
        foreach (var turn in turns) Write(text, turn.Role, turn.Content);
        text.Append("<|assistant|>\n");
    }

    private void Write(StringBuilder text, string role, string content) =>
        text.Append("<|").Append(role).Append("|>\n").Append(content).Append(EndOfText).Append('\n');
}
