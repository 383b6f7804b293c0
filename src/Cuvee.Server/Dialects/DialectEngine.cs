using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;
using Cuvee.Server.Routes;

namespace Cuvee.Server.Dialects;

/// <summary>What every dialect asks of the engine, with the faults that are switched on. Token ids in, as our clients send them.</summary>
internal sealed class DialectEngine(ServedPool served, EngineScheduler engine, AnswerWriter writer, ServerOptions options)
{
    private const int MostPrompts = 10_000; // that the stale cache remembers

    private readonly Dictionary<string, ServedRecipe> cached = []; // locked

    public bool Has(string fault) => options.Faults.Contains(fault);

    public Task<JsonFile> ReadAsync(HttpContext context) =>
        RequestDocument.ReadAsync(context, options.MaxBodyBytes, context.RequestAborted);

    /// <param name="tokens">Prompt and what follows it.</param>
    /// <param name="from">First token that is scored, at least 1.</param>
    /// <returns>[tokens - from] in nats.</returns>
    public async Task<float[]> ScoreAsync(HttpContext context, ServedRecipe recipe, int[] tokens, int from) =>
        (await ScoreAsync(context, recipe, tokens[..from], [tokens[from..]]).ConfigureAwait(false))[0];

    /// <summary>The same for several continuations of one prompt.</summary>
    public async Task<IReadOnlyList<float[]>> ScoreAsync(
        HttpContext context, ServedRecipe recipe, int[] prompt, IReadOnlyList<int[]> continuations)
    {
        var asked = Admit(context, KeyRights.Score, recipe, prompt, continuations.Max(each => each.Length));
        var job = new ScoreJob(
            asked, [.. continuations.Select((each, i) => new TokenizedRecord($"{i}", [.. prompt, .. each], prompt.Length))],
            context.RequestAborted);
        context.Features.GetRequiredFeature<Tenant>().TakeTokens(job.Tokens);
        var scores = await engine.ScoreAsync(job).ConfigureAwait(false);
        TokenLogprobs.RequireFinite("continuation", job.Records, scores);
        return scores;
    }

    /// <param name="closing">Tokens that end the answer beside the model's own.</param>
    public async Task<Answer> GenerateAsync(
        HttpContext context, ServedRecipe recipe, int[] prompt, GenerationOptions sampling, IReadOnlyList<string> stop,
        IReadOnlyList<int> closing)
    {
        var asked = Admit(context, KeyRights.Generate, recipe, prompt, 0);
        context.Features.GetRequiredFeature<Tenant>().TakeTokens((long)prompt.Length + sampling.MaxTokens);
        return (await writer.WriteAsync(
            asked, [new TokenizedPrompt("0", prompt)], sampling, stop, closing, null, context.RequestAborted).ConfigureAwait(false))[0];
    }

    public int[] Ids(JsonField field)
    {
        int[] ids = [.. field.Items().Select(item => item.Integer(0, served.Config.VocabSize - 1))];
        return ids.Length > 0 ? ids : throw field.Error("is empty; send token ids");
    }

    public static IReadOnlyList<string> Texts(JsonField? field) =>
        field is { } texts ? [.. texts.Items().Select(text => text.Text())] : [];

    public static IReadOnlyList<int> StopTokens(JsonField sampling) =>
        sampling.Find("stop_token_ids") is { } ids ? [.. ids.Items().Select(id => id.Integer(0))] : [];

    /// <summary>A text that ended the answer; null where a token, or its length, did.</summary>
    public static string? Matched(Answer answer, IReadOnlyList<string> stop) =>
        answer.Reason == StopReason.StopText && answer.TextTokens.Count == answer.Tokens && stop is [var first, ..] ? first : null;

    private ServedRecipe Admit(HttpContext context, string right, ServedRecipe recipe, int[] prompt, int more)
    {
        context.Features.GetRequiredFeature<Tenant>().Require(right);
        if (Has(ServerFault.NotFound)) throw ServiceException.NotFound("The model does not exist.");
        if (Has(ServerFault.ServerError)) throw new ServiceException(500, "server_error", "The engine encountered an issue.");
        if (prompt.Length + more > served.Config.MaxPositionEmbeddings)
        {
            throw new BadInputException(
                $"request: {prompt.Length + more} tokens exceed the model's context of {served.Config.MaxPositionEmbeddings}; shorten it.");
        }

        if (Has(ServerFault.SilentBase)) return served.Base;
        if (!Has(ServerFault.StaleCache)) return recipe;
        lock (cached)
        {
            if (cached.Count > MostPrompts) cached.Clear();
            var key = string.Join(',', prompt);
            var last = cached.GetValueOrDefault(key, recipe);
            cached[key] = recipe;
            return last;
        }
    }
}
