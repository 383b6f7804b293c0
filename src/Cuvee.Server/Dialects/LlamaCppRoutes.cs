using System.Globalization;
using System.Text.RegularExpressions;
using Cuvee.Formats.Json;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;
using Cuvee.Server.Routes;

namespace Cuvee.Server.Dialects;

/// <summary>
/// llama-server's routes (v0.5.0) as far as our client uses them: the pool's adapters by the scales of a request, answers forced by a
/// grammar of token ids, the next token's distribution. An empty list of scales, or none, means the global ones, as there.
/// </summary>
internal sealed partial class LlamaCppRoutes(ServedPool served, DialectEngine engine)
{
    private readonly double[] globals = [.. Enumerable.Repeat(1.0, served.Adapters.Count)]; // as llama-server starts; locked

    private int EndOfSequence => served.Config.EosTokenIds is [var first, ..] ? first : 0;

    public void Map(WebApplication app)
    {
        app.MapGet("/props", context => JsonReply.WriteAsync(
            context,
            new
            {
                BuildInfo = "b1-cuvee",
                ModelPath = served.Name + ".gguf",
                TotalSlots = 4,
                DefaultGenerationSettings = new { NCtx = served.Config.MaxPositionEmbeddings },
            },
            context.RequestAborted));
        app.MapGet("/v1/models", context => JsonReply.WriteAsync(
            context,
            new
            {
                Object = "list",
                Data = new[] { new { Id = served.Name, Object = "model", Meta = new { NVocab = served.Config.VocabSize } } },
            },
            context.RequestAborted));
        app.MapGet("/lora-adapters", ListAsync);
        app.MapPost("/lora-adapters", SetAsync);
        app.MapPost("/tokenize", TokenizeAsync);
        app.MapPost("/completion", CompleteAsync);
    }

    private Task ListAsync(HttpContext context)
    {
        double[] scales;
        lock (globals) scales = [.. globals];
        return JsonReply.WriteAsync(
            context, served.Adapters.Select((adapter, id) => new { Id = id, Path = adapter.Name + ".gguf", Scale = scales[id] }),
            context.RequestAborted);
    }

    private async Task SetAsync(HttpContext context)
    {
        context.Features.GetRequiredFeature<Tenant>().Require(KeyRights.Score);
        using var document = await engine.ReadAsync(context).ConfigureAwait(false);
        var scales = Scales(document.Root);
        lock (globals) scales.CopyTo(globals, 0);
        await JsonReply.WriteAsync(context, new { Success = true }, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task TokenizeAsync(HttpContext context)
    {
        using var document = await engine.ReadAsync(context).ConfigureAwait(false);
        var text = document.Root["content"].Text();
        var ids = RequestFields.Flag(document.Root, "add_special")
            ? served.Tokenizer.EncodePrompt(text)
            : served.Tokenizer.EncodeContinuation(text);
        await JsonReply.WriteAsync(context, new { Tokens = ids }, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task CompleteAsync(HttpContext context)
    {
        using var document = await engine.ReadAsync(context).ConfigureAwait(false);
        var root = document.Root;
        var (recipe, prompt) = (Recipe(root), engine.Ids(root["prompt"]));
        var biased = root.Find("logit_bias")?.Items().Select(Biased).ToList() is [var id, ..] ? id : (int?)null;
        var count = root.Find("n_probs")?.Integer(0) ?? 0;
        if (root.Find("grammar") is { } grammar && !engine.Has(ServerFault.SilentEcho))
        {
            var end = biased is { } closing && served.Config.EosTokenIds.Contains(closing) ? closing : EndOfSequence;
            await ForcedAsync(context, recipe, prompt, [.. Forced(grammar), end]).ConfigureAwait(false);
        }
        else if (biased is { } sampled && count > 0)
        {
            await NextAsync(context, recipe, prompt, sampled, count).ConfigureAwait(false);
        }
        else
        {
            await GenerateAsync(context, recipe, prompt, root).ConfigureAwait(false);
        }
    }

    private async Task ForcedAsync(HttpContext context, ServedRecipe recipe, int[] prompt, int[] answer)
    {
        var scores = await engine.ScoreAsync(context, recipe, [.. prompt, .. answer], prompt.Length).ConfigureAwait(false);
        await WriteAsync(
            context, served.Tokenizer.DecodeContinuation([.. answer[..^1].Where(served.Tokenizer.HasToken)]), answer.Length, "eos",
            answer.Zip(scores, (id, score) => Entry(id, score, []))).ConfigureAwait(false);
    }

    /// <summary>The engine tells the log-probability of given tokens, so that a distribution is all tokens, each given once.</summary>
    private async Task NextAsync(HttpContext context, ServedRecipe recipe, int[] prompt, int sampled, int count)
    {
        IReadOnlyList<int> ids = count == 1 ? [sampled] : [.. Enumerable.Range(0, served.Config.VocabSize)];
        var scores = await engine.ScoreAsync(context, recipe, prompt, [.. ids.Select(id => (int[])[id])]).ConfigureAwait(false);
        var top = ids.Zip(scores, (id, score) => (Id: id, Score: score[0])).OrderByDescending(each => each.Score).Take(count).ToList();
        var own = ids.Zip(scores).First(pair => pair.First == sampled).Second[0];
        await WriteAsync(
            context, "", 1, served.Config.EosTokenIds.Contains(sampled) ? "eos" : "limit",
            [Entry(sampled, own, top.Select(each => (object)new { each.Id, Logprob = each.Score }))]).ConfigureAwait(false);
    }

    private async Task GenerateAsync(HttpContext context, ServedRecipe recipe, int[] prompt, JsonField root)
    {
        var room = served.Config.MaxPositionEmbeddings - prompt.Length;
        var asked = root.Find("n_predict")?.Integer(-1) ?? -1;
        var sampling = new GenerationOptions
        {
            MaxTokens = asked < 0 ? room : Math.Min(Math.Max(asked, 1), room), // 0 generates one, as there
            Temperature = root.Find("temperature")?.Number(0) ?? 0.8,
            TopP = Math.Min(root.Find("top_p")?.Number(1e-9) ?? 0.95, 1), // more keeps all, as there
            TopK = root.Find("top_k")?.Integer(0) ?? 40,
            RepetitionPenalty = root.Find("repeat_penalty")?.Number(1e-3) ?? 1,
            Seed = root.Find("seed")?.Unsigned() ?? 0,
        };
        var stop = DialectEngine.Texts(root.Find("stop"));
        var answer = await engine.GenerateAsync(context, recipe, prompt, sampling, stop, []).ConfigureAwait(false);
        var reason = answer.Reason switch
        {
            StopReason.EndOfSequence => "eos",
            StopReason.StopText => "word",
            _ => "limit",
        };
        await WriteAsync(context, answer.Text, answer.Tokens, reason, [], answer.Reason == StopReason.ContextLength).ConfigureAwait(false);
    }

    private static object Entry(int id, float score, IEnumerable<object> top) => new { Id = id, Logprob = score, TopLogprobs = top };

    private static Task WriteAsync(
        HttpContext context, string text, int tokens, string stopType, IEnumerable<object> entries, bool truncated = false) =>
        JsonReply.WriteAsync(
            context,
            new
            {
                Index = 0,
                Content = text,
                Stop = true,
                StopType = stopType,
                Truncated = truncated,
                TokensPredicted = tokens,
                Timings = new { CacheN = 0 },
                CompletionProbabilities = entries,
            },
            context.RequestAborted);

    private ServedRecipe Recipe(JsonField root)
    {
        double[] scales;
        if (root.Find("lora") is { } list && list.Items().Any())
        {
            scales = Scales(list);
        }
        else
        {
            lock (globals) scales = [.. globals];
        }

        return served.Check(new WeightedRecipe(
            MergeSpace.Delta,
            [.. served.Adapters.Select((adapter, id) => new AdapterShare(adapter.Name, scales[id])).Where(share => share.Weight != 0)]));
    }

    private int Biased(JsonField pair) => pair.Items().ToList() is [var token, ..]
        ? token.Integer(0, served.Config.VocabSize - 1)
        : throw pair.Error("is empty; give a token id and its bias");

    /// <summary>[adapters] Those that the list leaves out are 0; an unknown id is passed over, as there.</summary>
    private double[] Scales(JsonField list)
    {
        var scales = new double[served.Adapters.Count];
        foreach (var entry in list.Items())
        {
            if (entry.Find("id")?.Integer(0) is { } id && id < scales.Length) scales[id] = entry["scale"].Number();
        }

        return scales;
    }

    private IEnumerable<int> Forced(JsonField grammar)
    {
        var match = TokenGrammar().Match(grammar.Text());
        if (!match.Success) throw grammar.Error("is no sequence of token ids; this dialect knows root ::= <[1]> <[2]> alone");
        foreach (Capture capture in match.Groups[1].Captures)
        {
            yield return int.TryParse(capture.ValueSpan, CultureInfo.InvariantCulture, out var id) && id < served.Config.VocabSize
                ? id
                : throw grammar.Error($"names token {capture.Value}, which the model does not have");
        }
    }

    [GeneratedRegex(@"^root ::=(?: <\[([0-9]+)\]>)+$")]
    private static partial Regex TokenGrammar();
}
