using Cuvee.LanguageModels.Chat;

namespace Cuvee.Data;

/// <summary>One record as a file states it, before any template.</summary>
/// <param name="Messages">The last one is the answer that is scored.</param>
/// <param name="Line">1-based, where the record begins.</param>
/// <param name="IsChat">Given as messages.</param>
internal sealed record Conversation(string Id, IReadOnlyList<ChatMessage> Messages, int Line, bool IsChat)
{
    public static IReadOnlyList<ChatMessage> Of(string prompt, string completion) =>
        [new(ChatMessage.User, prompt), new(ChatMessage.Assistant, completion)];
}
