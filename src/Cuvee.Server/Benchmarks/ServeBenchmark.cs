using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Searches;
using Cuvee.Server.Engine;
using Microsoft.Extensions.DependencyInjection;

namespace Cuvee.Server.Benchmarks;

/// <summary>
/// Many clients that score over a socket, beside the engine's own batched speed on the same records and the same merge of the whole pool,
/// in turns within one run, so that both see the same machine.
/// </summary>
public static class ServeBenchmark
{
    /// <param name="records">Asked again and again, each client beginning elsewhere.</param>
    /// <param name="time">Of the measurement.</param>
    /// <param name="warn">Gets doubts about the pool.</param>
    /// <exception cref="Formats.BadInputException">Model or pool cannot be used.</exception>
    public static async Task<ServeBenchmarkResult> RunAsync(
        ServerOptions options, IReadOnlyList<PromptCompletion> records, ServeLoad load, TimeProvider time, Action<string> warn,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(load);
        options = options with { Url = "http://127.0.0.1:0", MaxWaiting = Math.Max(options.MaxWaiting, load.Clients) };
        await using var app = CuveeServer.Create(options, time, warn);
        await app.StartAsync(cancellationToken).ConfigureAwait(false);
        var served = app.Services.GetRequiredService<ServedPool>();
        var recipe = MergeRecipes.Uniform(MergeSpace.Delta, [.. served.Adapters.Select(adapter => adapter.Name)]);
        var asked = Enumerable.Range(0, load.Clients * load.Requests).Select(request => Enumerable.Range(0, load.Records)
            .Select(i => records[((request * load.Records) + i) % records.Count]).ToList()).ToList();
        var encoder = served.Texts(null, TextRules.Auto, isConversation: false).Encoder;
        List<TokenizedRecord> tokenized =
            [.. asked.SelectMany(each => each).Select(record => encoder.Record(record, served.Config.MaxPositionEmbeddings))];
        using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = load.Clients };
        using var client = new HttpClient(handler) { BaseAddress = new Uri(app.Urls.First()), Timeout = options.RequestTime };
        byte[][] bodies = [.. asked.Select(each => Body(recipe, each))];
        List<double> engine = [], service = [], ratios = [], latencies = [];
        var errors = 0;
        for (var round = 0; round <= load.Repetitions; round++)
        {
            var direct = await EngineAsync(served, recipe, tokenized, options.BatchTokens, time, cancellationToken).ConfigureAwait(false);
            var (seconds, taken, failed) = await ClientsAsync(client, bodies, load, time, cancellationToken).ConfigureAwait(false);
            errors += failed;
            if (round == 0) continue; // warm-up
            engine.Add(tokenized.Count / direct);
            service.Add(tokenized.Count / seconds);
            ratios.Add(direct / seconds);
            latencies.AddRange(taken);
        }

        await app.StopAsync(cancellationToken).ConfigureAwait(false);
        return new ServeBenchmarkResult(
            load.Clients, tokenized.Count, errors, Quantiles.Median(engine), Quantiles.Median(service), Quantiles.Median(ratios),
            1000 * Quantiles.Median(latencies), 1000 * Quantiles.Of(latencies, 0.99));
    }

    /// <returns>Seconds.</returns>
    private static async Task<double> EngineAsync(
        ServedPool served, MergeRecipe recipe, List<TokenizedRecord> records, int batchTokens, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        var model = served.Direct(recipe);
        var (first, tokens) = (0, 0);
        for (var i = 0; i < records.Count; i++)
        {
            tokens += records[i].Tokens.Length;
            var isLast = i == records.Count - 1;
            if (!isLast && tokens + records[i + 1].Tokens.Length <= batchTokens) continue;
            await model.ScoreTokensAsync(records.GetRange(first, i + 1 - first), cancellationToken).ConfigureAwait(false);
            (first, tokens) = (i + 1, 0);
        }

        return time.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task<(double Seconds, IReadOnlyList<double> Latencies, int Errors)> ClientsAsync(
        HttpClient client, byte[][] bodies, ServeLoad load, TimeProvider time, CancellationToken cancellationToken)
    {
        var latencies = new double[bodies.Length];
        var errors = 0;
        async Task AskAsync(int index)
        {
            for (var request = 0; request < load.Requests; request++)
            {
                var place = (index * load.Requests) + request;
                var begin = time.GetTimestamp();
                using var content = new ByteArrayContent(bodies[place]);
                using var response = await client.PostAsync("/v1/score", content, cancellationToken).ConfigureAwait(false);
                var answer = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
                latencies[place] = time.GetElapsedTime(begin).TotalSeconds;
                if (!response.IsSuccessStatusCode || answer.Length == 0) Interlocked.Increment(ref errors);
            }
        }

        var start = time.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, load.Clients).Select(AskAsync)).ConfigureAwait(false);
        return (time.GetElapsedTime(start).TotalSeconds, latencies, errors);
    }

    private static byte[] Body(MergeRecipe recipe, IEnumerable<PromptCompletion> records) => JsonSerializer.SerializeToUtf8Bytes(
        new JsonObject
        {
            ["recipe"] = JsonNode.Parse(RecipeJson.Serialize(recipe)),
            ["records"] = new JsonArray([.. records.Select(record => (JsonNode)new JsonObject
            {
                ["prompt"] = record.Prompt,
                ["completion"] = record.Completion,
            })]),
        });
}

/// <param name="Clients">At the same time.</param>
/// <param name="Requests">One after another, each client.</param>
/// <param name="Records">In a request.</param>
/// <param name="Repetitions">Rounds that count, after one that does not.</param>
public sealed record ServeLoad(int Clients = 64, int Requests = 4, int Records = 4, int Repetitions = 3);

/// <param name="Records">A round scores.</param>
/// <param name="Errors">Requests without an answer, warm-up included.</param>
/// <param name="EngineRecordsPerSecond">The engine alone; median of rounds.</param>
/// <param name="ServiceRecordsPerSecond">All clients together; median.</param>
/// <param name="Ratio">Service to engine, round by round; median.</param>
/// <param name="MedianMilliseconds">Of a request.</param>
/// <param name="P99Milliseconds">Of a request.</param>
public sealed record ServeBenchmarkResult(
    int Clients, int Records, int Errors, double EngineRecordsPerSecond, double ServiceRecordsPerSecond, double Ratio,
    double MedianMilliseconds, double P99Milliseconds);
