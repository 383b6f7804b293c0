using System.Net;
using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Events;
using Cuvee.Journaling;
using Cuvee.LanguageModels.Http;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;
using Cuvee.Tests.LanguageModels.Http;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Providers;

/// <summary>Whole runs over a network that fails: nothing asked twice counts twice, and the result is that of the good network.</summary>
public sealed class FaultyNetworkTests : IDisposable
{
    private const double FaultRate = 0.2;

    private readonly TinyZoo zoo = new();
    private readonly ImpatientClock clock = new();

    public void Dispose() => zoo.Dispose();

    [Theory]
    [InlineData("search: fisher-probing\nbudget: { queries: 300 }")]
    [InlineData("search: cma-es\nsettings: { population: 6, sample: 6 }\nbudget: { queries: 400 }")]
    public async Task Run_AFifthOfRequestsFails_EndsAsOverAGoodNetwork(string search)
    {
        var (clean, cleanEvents) = await RunAsync("clean", search, null);
        var random = new SeededRandom(11);
        var (faulty, events) = await RunAsync("faulty", search, () => random);
        Assert.Empty(cleanEvents.Of<RequestsRepeated>());
        Assert.True(Assert.Single(events.Of<RequestsRepeated>()).Count > 50);
        Assert.Equal(clean.Spending, faulty.Spending);
        Assert.Equal(0, faulty.Spending.Lost);
        Assert.Equal(RecipeJson.Serialize(clean.Recipe), RecipeJson.Serialize(faulty.Recipe));
        Assert.Equal(
            await File.ReadAllTextAsync(Path.Combine(clean.Out, EvaluationLog.FileName)),
            await File.ReadAllTextAsync(Path.Combine(faulty.Out, EvaluationLog.FileName)));

        // Every paid answer stands in the journal once.
        var lines = await File.ReadAllLinesAsync(Path.Combine(faulty.Out, ObservationJournal.FileName));
        var keys = lines.Select(line => JsonNode.Parse(line)!).Where(line => line["record"] is not null)
            .Select(line => $"{line["recipe"]} {line["record"]}").ToList();
        Assert.Equal(faulty.Spending.Queries, keys.Count);
        Assert.Equal(keys.Count, keys.Distinct().Count());
    }

    private async Task<(RunResult Result, EventLog Events)> RunAsync(string output, string search, Func<SeededRandom>? faults)
    {
        var server = new FakeLlamaServer(zoo.Config.VocabSize);
        var catalog = Catalog.Default.WithServices(new ServiceNetwork(clock, () => new ScriptedHandler(async (request, body, _, token) =>
        {
            // Only what is asked of the model: a start over a bad network says so at once.
            if (faults is not null && body is not null && Draw(faults()) is var fault and >= 0) return await FailAsync(fault, token);
            return server.Answer(request, body);
        })));
        var plan = Assert.Single(RunPlanner.Plan(RunConfiguration.Parse(
            $"model: {{ provider: llama.cpp, url: \"http://llama.test\", tokenizer: model, attempts: 30 }}\npool: {{ path: pool }}\n" +
            $"validation: validation.jsonl\nout: {output}\n{search}\n",
            Path.Combine(zoo.Folder, "run.yaml"),
            catalog)));
        var events = new EventLog();
        var report = await new MergeRun(TimeProvider.System, events).ExecuteAsync([plan], CancellationToken.None);
        return (report.Results[0], events);
    }

    private static int Draw(SeededRandom random)
    {
        lock (random) return random.NextDouble() < FaultRate ? random.NextInt32(8) : -1;
    }

    private async Task<HttpResponseMessage> FailAsync(int fault, CancellationToken token)
    {
        switch (fault)
        {
            case 0:
                var busy = ScriptedHandler.Json("""{"error":{"code":429,"message":"slow down"}}""", HttpStatusCode.TooManyRequests);
                busy.Headers.Add("retry-after-ms", "1500");
                return busy;
            case 1:
                return ScriptedHandler.Json("""{"error":{"code":500,"message":"Compute error."}}""", HttpStatusCode.InternalServerError);
            case 2:
                return ScriptedHandler.Json("<html>Bad Gateway</html>", HttpStatusCode.BadGateway);
            case 3:
                throw new HttpRequestException("The response ended prematurely.");
            case 4:
                var silence = Task.Delay(Timeout.Infinite, token);
                clock.Advance(new JsonServiceSettings(new Uri("http://llama.test")).AttemptTimeout);
                await silence;
                throw new InvalidOperationException("unreachable");
            case 5:
                return ScriptedHandler.Json("""{"content":"soup","completion_probabilities":[{"id":4""");
            case 6:
                return ScriptedHandler.Json("""{"timings":{"cache_n":0},"completion_probabilities":[{"id":4,"logprob":NaN}]}""");
            default:
                return ScriptedHandler.Json("""{"timings":{"cache_n":0},"stop_type":"eos","completion_probabilities":[]}""");
        }
    }
}
