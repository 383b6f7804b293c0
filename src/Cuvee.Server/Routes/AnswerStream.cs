using System.Threading.Channels;
using Cuvee.Server.Http;

namespace Cuvee.Server.Routes;

/// <summary>Answers as events: their parts while they are written, why each one ended, then the end.</summary>
internal static class AnswerStream
{
    /// <param name="write">Writes parts to the channel and completes it.</param>
    /// <param name="chunk">The event of a prompt's position, text and reason to end (null: it goes on).</param>
    /// <param name="account">The last event, which counts tokens; null where nobody asked for it.</param>
    public static async Task SendAsync(
        HttpContext context, Func<ChannelWriter<(int Prompt, string Text)>, Task<IReadOnlyList<Answer>>> write,
        Func<int, string, string?, object> chunk, Func<IReadOnlyList<Answer>, object>? account)
    {
        var events = new EventStream(context.Response, context.RequestAborted);
        var parts = Channel.CreateUnbounded<(int Prompt, string Text)>();
        var writing = write(parts.Writer);
        await foreach (var (prompt, text) in parts.Reader.ReadAllAsync(context.RequestAborted).ConfigureAwait(false))
            await events.SendAsync(chunk(prompt, text, null)).ConfigureAwait(false);
        var answers = await writing.ConfigureAwait(false);
        for (var i = 0; i < answers.Count; i++) await events.SendAsync(chunk(i, "", answers[i].FinishReason)).ConfigureAwait(false);
        if (account is not null) await events.SendAsync(account(answers)).ConfigureAwait(false);
        await events.EndAsync().ConfigureAwait(false);
    }
}
