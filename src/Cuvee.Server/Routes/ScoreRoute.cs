using Cuvee.Formats.Json;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;

namespace Cuvee.Server.Routes;

/// <summary><c>POST /v1/score</c>: what <c>cuvee score</c> computes, record by record and token by token.</summary>
internal sealed class ScoreRoute(ServedPool served, EngineScheduler engine, ServerOptions options)
{
    private static readonly string[] Known = ["model", "recipe", "template", "completion_end", "records"];

    public async Task ScoreAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var tenant = context.Features.GetRequiredFeature<Tenant>();
        tenant.Require(KeyRights.Score);
        using var document = await RequestDocument.ReadAsync(context, options.MaxBodyBytes, cancellation).ConfigureAwait(false);
        var root = document.Root;
        root.RequireOnly(Known);
        var (name, recipe) = RequestFields.Model(root, served);
        var encoder = RequestFields.Texts(root, served, isConversation: false).Encoder;
        var records = root["records"].Items().Select((record, i) => Read(record, i, encoder)).ToList();
        if (records.Count == 0) throw root["records"].Error("is empty; give at least one record");
        var job = new ScoreJob(recipe, records, cancellation);
        tenant.TakeTokens(job.Tokens);
        var scores = await engine.ScoreAsync(job).ConfigureAwait(false);
        await JsonReply.WriteAsync(context, Reply(name, records, scores), cancellation).ConfigureAwait(false);
    }

    private static object Reply(string model, List<TokenizedRecord> records, IReadOnlyList<float[]> scores)
    {
        var sums = scores.Select(Sum).ToList();
        var tokens = scores.Sum(each => (long)each.Length);
        return new
        {
            Object = "score",
            Model = model,
            Records = records.Select((record, i) => new
            {
                record.Id,
                Logprob = Told(sums[i]),
                Tokens = scores[i].Length,
                PromptTokens = record.ScoredFrom,
                TokenLogprobs = double.IsFinite(sums[i]) ? scores[i] : null,
            }),
            Summary = new { Loss = Told(-sums.Sum() / tokens), Records = records.Count, Tokens = tokens },
        };
    }

    /// <summary>Null for what JSON cannot hold: weights without measure are an answer, too, which a search counts as worst.</summary>
    private static double? Told(double value) => double.IsFinite(value) ? value : null;

    private TokenizedRecord Read(JsonField record, int index, TextEncoder encoder)
    {
        record.RequireOnly("id", "prompt", "completion");
        var id = record.Find("id")?.Text() ?? $"{index}";
        return encoder.Record(
            new PromptCompletion(id, record["prompt"].Text(), record["completion"].Text()), served.Config.MaxPositionEmbeddings);
    }

    private static double Sum(float[] scores)
    {
        double sum = 0;
        foreach (var score in scores) sum += score;
        return sum;
    }
}
