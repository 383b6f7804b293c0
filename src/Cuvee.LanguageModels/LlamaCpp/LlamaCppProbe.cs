using System.Text.Json.Nodes;
using Cuvee.LanguageModels.Http;

namespace Cuvee.LanguageModels.LlamaCpp;

/// <summary>
/// Finds out, by a few requests, whether a llama-server does with adapters what a search relies on: scales of zero are the base model, an
/// adapter changes something, one adapter after another gives what it gives alone, and a forced answer has the log-probabilities of its
/// tokens one by one. Run it when nobody else uses the server: for a moment its global scales are 0.
/// </summary>
/// <param name="prompt">Ids of <see cref="Prompt"/>.</param>
/// <param name="answer">Ids of <see cref="Answer"/> as its continuation, without the closing one.</param>
/// <param name="closing">What closes completions; null: nothing.</param>
public sealed class LlamaCppProbe(JsonService service, LlamaCppDescription server, int[] prompt, int[] answer, int? closing)
{
    // As long as what is usually cached; plain ASCII, so that no token ends inside a character.
    public const string Prompt =
        "Read the sentence and answer the question. The ferry left the harbour at noon with forty passengers, two dogs and a piano, and " +
        "nobody on the quay could say who had bought the tickets. Question: what left the harbour?";

    private const int OtherLength = 12; // tokens

    public const string Answer = " The ferry with forty passengers";

    /// <summary>With the tokens that a run uses.</summary>
    public static LlamaCppProbe Of(JsonService service, LlamaCppDescription server, ITextEncoding encoding)
    {
        ArgumentNullException.ThrowIfNull(encoding);
        int[] answer = [.. encoding.Completion(Answer)];
        return new LlamaCppProbe(
            service, server, [.. encoding.Prompt(Prompt)], encoding.ClosingToken is null ? answer : answer[..^1], encoding.ClosingToken);
    }

    /// <summary>With the server's own tokens, where nothing else is known of its model.</summary>
    public static async Task<LlamaCppProbe> OfAsync(
        JsonService service, LlamaCppDescription server, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(service);
        Task<int[]> TokensAsync(string text, bool begins) => service.PostAsync(
            "/tokenize", new JsonObject { ["content"] = text, ["add_special"] = begins, ["parse_special"] = false },
            body => (int[])[.. body.Member("tokens").Items("tokens").Select(id => id.Integer("token"))], cancellationToken);

        return new LlamaCppProbe(
            service, server, await TokensAsync(Prompt, true).ConfigureAwait(false), await TokensAsync(Answer, false).ConfigureAwait(false),
            null);
    }

    /// <exception cref="LanguageModelException">The server failed, or does not end a generation with what closes completions.</exception>
    public async Task<LlamaCppFindings> RunAsync(CancellationToken cancellationToken)
    {
        await RequireClosingAsync(cancellationToken).ConfigureAwait(false);
        var zero = await ScoreAsync(Alone(null), false, cancellationToken).ConfigureAwait(false);
        var noise = Difference(zero, await ScoreAsync(Alone(null), false, cancellationToken).ConfigureAwait(false));
        var globals = await WithoutGlobalScalesAsync(
            () => ScoreAsync(null, false, cancellationToken), cancellationToken).ConfigureAwait(false);

        // Two adapters that change something: the leak shows between them.
        var effects = new List<(int Adapter, float[] Scores, double Effect)>();
        for (var id = 0; id < server.Adapters.Count; id++)
        {
            var scores = await ScoreAsync(Alone(id), false, cancellationToken).ConfigureAwait(false);
            effects.Add((id, scores, Difference(zero, scores)));
        }

        var strongest = effects.OrderByDescending(each => each.Effect).Take(2).ToList();
        var (direct, cached) = strongest.Count == 0
            ? (0, 0)
            : (await LeakAsync(strongest[0].Adapter, strongest[^1], false, cancellationToken).ConfigureAwait(false),
                await LeakAsync(strongest[0].Adapter, strongest[^1], true, cancellationToken).ConfigureAwait(false));
        var chain = await ChainAsync(Alone(strongest.Count == 0 ? null : strongest[0].Adapter), cancellationToken).ConfigureAwait(false);
        return new LlamaCppFindings(
            noise, Difference(zero, globals), [.. effects.Select(each => each.Effect)], direct, cached,
            Difference(chain, strongest.Count == 0 ? zero : strongest[0].Scores));
    }

    private double[] Alone(int? adapter) =>
        [.. Enumerable.Range(0, server.Adapters.Count).Select(id => id == adapter ? 1.0 : 0.0)];

    private async Task RequireClosingAsync(CancellationToken cancellationToken)
    {
        if (closing is not { } token) return;
        var request = new LlamaCppRequest(Alone(null));
        var reason = await service.PostAsync(
            LlamaCppRequest.Path, request.Next(prompt, 1, token), body => body.Member("stop_type").Text("stop_type"),
            cancellationToken).ConfigureAwait(false);
        if (reason == "eos") return;
        throw new LanguageModelException(
            $"{service.Url}: completions are closed by token {token}, which does not end a generation there; set completion_end to the " +
            "model's end-of-sequence token, or to none.");
    }

    private Task<float[]> ScoreAsync(IReadOnlyList<double>? scales, bool cachePrompt, CancellationToken cancellationToken)
    {
        var request = new LlamaCppRequest(scales, cachePrompt);
        return service.PostAsync(
            LlamaCppRequest.Path, request.Forced(prompt, answer, closing), body => request.ReadForced(body, answer, closing),
            cancellationToken);
    }

    private async Task<T> WithoutGlobalScalesAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        Task SetAsync(Func<LlamaCppAdapter, double> scale) => service.PostAsync(
            "/lora-adapters",
            new JsonArray([.. server.Adapters.Select((adapter, id) =>
                (JsonNode)new JsonObject { ["id"] = id, ["scale"] = scale(adapter) })]),
            _ => true,
            CancellationToken.None);

        if (server.Adapters.All(adapter => adapter.GlobalScale == 0)) return await ask().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        await SetAsync(_ => 0).ConfigureAwait(false);
        try
        {
            return await ask().ConfigureAwait(false);
        }
        finally
        {
            await SetAsync(adapter => adapter.GlobalScale).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The prompt under one adapter, then other prompts under the second until every slot has let go of it, then the prompt under the
    /// second: a store that knows only tokens hands it the first one's keys and values. In nats against the second adapter alone.
    /// </summary>
    private async Task<double> LeakAsync(
        int first, (int Adapter, float[] Scores, double Effect) second, bool cachePrompt, CancellationToken cancellationToken)
    {
        // Where there is one adapter, the base model is the other one's place.
        await ScoreAsync(Alone(first == second.Adapter ? null : first), cachePrompt, cancellationToken).ConfigureAwait(false);
        var request = new LlamaCppRequest(Alone(second.Adapter), cachePrompt);
        for (var slot = 0; slot < server.Slots; slot++)
        {
            int[] other = [.. Enumerable.Repeat(answer[slot % answer.Length], OtherLength + slot)];
            await service.PostAsync(
                LlamaCppRequest.Path, request.Forced(other, answer, null), body => request.ReadForced(body, answer, null),
                cancellationToken).ConfigureAwait(false);
        }

        return Difference(
            second.Scores, await ScoreAsync(Alone(second.Adapter), cachePrompt, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Each token by a request of its own.</summary>
    private async Task<float[]> ChainAsync(IReadOnlyList<double> scales, CancellationToken cancellationToken)
    {
        var request = new LlamaCppRequest(scales);
        var scores = new List<float>();
        foreach (var id in closing is { } end ? [.. answer, end] : answer)
        {
            scores.Add(await service.PostAsync(
                LlamaCppRequest.Path, request.Next([.. prompt, .. answer[..scores.Count]], 1, id),
                body => request.ReadSampled(body, id), cancellationToken).ConfigureAwait(false));
        }

        return [.. scores];
    }

    /// <summary>Largest of a token, in nats.</summary>
    private static double Difference(float[] left, float[] right) =>
        left.Zip(right, (a, b) => Math.Abs((double)a - b)).DefaultIfEmpty(0).Max();
}
