using System.Text;

namespace Cuvee.LanguageModels.Chat;

/// <summary>ChatML: Qwen, SmolLM2, InternLM and many fine-tunes.</summary>
internal sealed record ChatMlTemplate() : ChatTemplate("chatml")
{
    private const string EndOfThought = "</think>";

    /// <summary>What stands for a missing system turn; null: nothing.</summary>
    public string? DefaultSystem { get; init; }

    /// <summary>Qwen3: an answer without a thought begins with an empty one, and earlier thoughts are left out.</summary>
    public bool Thinks { get; init; }

    public override string EndOfTurn => "<|im_end|>";

    protected override void WritePrompt(StringBuilder text, string? system, IReadOnlyList<ChatMessage> turns, string answer)
    {
        if ((system ?? DefaultSystem) is { } first) Write(text, ChatMessage.System, first);
        foreach (var turn in turns)
            Write(text, turn.Role, Thinks && turn.Role == ChatMessage.Assistant ? WithoutThought(turn.Content) : turn.Content);
        text.Append("<|im_start|>assistant\n");
        if (Thinks && !answer.Contains(EndOfThought, StringComparison.Ordinal)) text.Append("<think>\n\n</think>\n\n");
    }

    protected override string Answer(string content) => Thinks ? Trimmed(content).TrimStart('\n') : Trimmed(content);

    private static string WithoutThought(string content) =>
        content.LastIndexOf(EndOfThought, StringComparison.Ordinal) is var end and >= 0
            ? content[(end + EndOfThought.Length)..].TrimStart('\n')
            : content;

    private void Write(StringBuilder text, string role, string content) =>
        text.Append("<|im_start|>").Append(role).Append('\n').Append(content).Append(EndOfTurn).Append('\n');
}
