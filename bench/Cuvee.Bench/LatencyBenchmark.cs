using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Events;
using Cuvee.Journaling;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;

namespace Cuvee.Bench;

/// <summary>
/// How busy a search keeps an endpoint that answers after 100 ms: wall time against requests x latency / slots. The endpoint waits without
/// working and answers rightly the more often the nearer a recipe is to one that it has in mind, so that the search has something to find.
/// A bare loop that keeps as many requests in flight is measured before and after each search: what it loses is the machine's.
/// </summary>
internal static class LatencyBenchmark
{
    private const int Latency = 100; // milliseconds
    private const int Slots = 8;
    private const int Queries = 3000;

    private static readonly double[] Wanted = [0.7, -0.3, 0.4];

    /// <param name="repetitions">Runs, each with a seed of its own.</param>
    public static void Run(int repetitions, int threads) => RunAsync(repetitions).GetAwaiter().GetResult();

    private static async Task RunAsync(int repetitions)
    {
        var validation = Path.GetFullPath(Path.Combine("samples", "restaurant", "validation.jsonl"));
        var folder = Directory.CreateTempSubdirectory("cuvee-latency-").FullName;
        try
        {
            foreach (var (search, settings) in ((string, string)[])[("cma-es", ""), ("evo-merging", "preset: delta\n")])
            {
                for (var seed = 1; seed <= repetitions; seed++)
                {
                    await using var endpoint = new SlowEndpoint(validation);
                    var text = string.Create(CultureInfo.InvariantCulture, $$"""
                        model: { provider: chat, url: "{{endpoint.Url}}", slots: {{Slots}} }
                        pool: { names: [one, two, three] }
                        validation: {{validation}}
                        search: {{search}}
                        {{settings}}objective: exact-match
                        seed: {{seed}}
                        budget: { queries: {{Queries}} }
                        out: {{search}}-{{seed}}
                        """);
                    var catalog = Catalog.Default.WithServices(new ServiceNetwork(TimeProvider.System));
                    var plans = RunPlanner.Plan(RunConfiguration.Parse(text, Path.Combine(folder, "run.yaml"), catalog));
                    var before = await BareLoopAsync(validation);
                    var workedBefore = Environment.CpuUsage.TotalTime;
                    var began = Stopwatch.GetTimestamp();
                    var report = await new MergeRun(TimeProvider.System, new Silence()).ExecuteAsync(plans, CancellationToken.None);
                    var wall = Stopwatch.GetElapsedTime(began).TotalSeconds;
                    var worked = Environment.CpuUsage.TotalTime;
                    var after = await BareLoopAsync(validation);
                    var (requests, latency) = endpoint.Served;
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{search} {seed}: {requests} requests, {1000 * latency:0.0} ms each at the endpoint, {wall:0.0} s, " +
                        $"{wall * Slots * 1000 / (requests * Latency):0.000} x (requests x {Latency} ms / slots), " +
                        $"{WholeRounds(report.Results[0].Out):0.000} of it whole rounds, " +
                        $"bare loop {before:0.000} and {after:0.000}; " +
                        $"{(worked - workedBefore).TotalSeconds:0.0} s of processor time, the endpoint's with it; " +
                        $"loss {report.Results[0].StartLoss:0.000} -> {report.Results[0].ValidationLoss:0.000}"));
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// What the search itself makes an endpoint wait: questions come in generations, and the last round of each fills only as many slots as
    /// questions are left.
    /// </summary>
    /// <returns>In units of queries x latency / slots; 1 where every generation ends with full slots.</returns>
    private static double WholeRounds(string results)
    {
        var generations = EvaluationLog.Read(Path.Combine(results, EvaluationLog.FileName))
            .GroupBy(line => (line.Stage, line.Purpose, line.Iteration))
            .Select(lines => lines.Sum(line => line.Queries)).ToList();
        return generations.Sum(queries => Math.Ceiling(queries / (double)Slots) * Slots) / generations.Sum();
    }

    /// <returns>Wall time in units of requests x latency / slots.</returns>
    private static async Task<double> BareLoopAsync(string validation)
    {
        const int each = 50;
        await using var endpoint = new SlowEndpoint(validation);
        using var client = new HttpClient();
        const string body = """{"messages":[{"content":"?"}],"recipe":{"adapters":[{"weight":1}]}}""";
        async Task WorkAsync()
        {
            for (var i = 0; i < each; i++)
            {
                using var response = await client.PostAsync($"{endpoint.Url}/chat/completions", new StringContent(body));
                await response.Content.ReadAsByteArrayAsync();
            }
        }

        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Slots).Select(_ => WorkAsync()));
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds / (each * Latency);
    }

    private sealed class Silence : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
        }
    }

    /// <summary>OpenAI's chat completions over HTTP, with a wait and nothing else in between.</summary>
    private sealed class SlowEndpoint : IAsyncDisposable
    {
        private readonly HttpListener listener = new();
        private readonly Dictionary<string, (int Order, string Completion)> known;
        private readonly Task serving;
        private readonly Lock gate = new();
        private long requests;
        private long ticks;

        public SlowEndpoint(string validation)
        {
            var records = RecordFile.Read(validation);
            known = records.Index().ToDictionary(pair => pair.Item.Prompt, pair => (pair.Index, pair.Item.Completion));
            using (var port = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                port.Start();
                Url = $"http://127.0.0.1:{((IPEndPoint)port.LocalEndpoint).Port}";
            }

            listener.Prefixes.Add($"{Url}/");
            listener.Start();
            serving = ServeAsync();
        }

        public string Url { get; }

        /// <summary>Requests, and mean seconds from a request's head to its answer.</summary>
        public (long Requests, double Latency) Served => (requests, ticks / (double)Stopwatch.Frequency / requests);

        public async ValueTask DisposeAsync()
        {
            listener.Stop();
            await serving;
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                try
                {
                    _ = AnswerAsync(await listener.GetContextAsync());
                }
                catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }
            }
        }

        private async Task AnswerAsync(HttpListenerContext context)
        {
            var began = Stopwatch.GetTimestamp();
            var waited = Task.Delay(Latency);
            var body = (await JsonNode.ParseAsync(context.Request.InputStream))!;
            var answer = new JsonObject
            {
                ["choices"] = new JsonArray(new JsonObject
                {
                    ["message"] = new JsonObject { ["content"] = Text(body) },
                    ["finish_reason"] = "stop",
                }),
                ["usage"] = new JsonObject { ["prompt_tokens"] = 1, ["completion_tokens"] = 1 },
            };
            var bytes = System.Text.Encoding.UTF8.GetBytes(answer.ToJsonString());
            await waited;
            context.Response.ContentType = "application/json";
            // In one piece with its head: a second small packet would wait for the acknowledgement of the first, which comes 40 ms late.
            context.Response.ContentLength64 = bytes.Length;
            await context.Response.OutputStream.WriteAsync(bytes);
            context.Response.Close();
            lock (gate)
            {
                requests++;
                ticks += Stopwatch.GetTimestamp() - began;
            }
        }

        private string Text(JsonNode body)
        {
            var weights = body["recipe"]!["adapters"]!.AsArray().Select(share => share!["weight"]!.GetValue<double>()).ToList();
            var distance = Math.Sqrt(weights.Zip(Wanted, (weight, wanted) => (weight - wanted) * (weight - wanted)).Sum());
            if (!known.TryGetValue(body["messages"]![0]!["content"]!.GetValue<string>(), out var record))
                return distance.ToString("0.000", CultureInfo.InvariantCulture);
            return record.Order < known.Count / (1 + distance) ? record.Completion : "nothing";
        }
    }
}
