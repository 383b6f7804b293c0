using System.Text;

namespace Cuvee.LanguageModels.Chat;

/// <summary>No template: contents one below the other, the answer right behind the last one.</summary>
internal sealed record BareTemplate() : ChatTemplate("none")
{
    public override string? EndOfTurn => null;

    public override bool WritesSpecialTokens => false;

    protected override void WritePrompt(StringBuilder text, string? system, IReadOnlyList<ChatMessage> turns, string answer) =>
        text.AppendJoin('\n', turns.Select(turn => turn.Content).Prepend(system).OfType<string>());
}
