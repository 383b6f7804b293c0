using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace Cuvee.Tests.LlamaCpp;

/// <summary>
/// A real llama-server on one model, with keys and values in fp32 and, unless asked for, no cache of prompts, so that nothing of one
/// request reaches the next.
/// </summary>
internal sealed class LlamaServer : IAsyncDisposable
{
    public const string Variable = "CUVEE_LLAMA_SERVER";

    private readonly ProcessStartInfo start;
    private readonly HttpClient client;
    private readonly List<string> log = [];
    private Process process;

    private static readonly string[] WithoutCaches = ["--cache-ram", "0", "--no-cache-prompt", "--slot-prompt-similarity", "0"];

    private LlamaServer(string model, string? lora, int slots, bool caches)
    {
        var port = FreePort();
        client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromMinutes(2) };
        string[] arguments =
        [
            "--model", model, .. lora is null ? Array.Empty<string>() : ["--lora", lora], .. caches ? [] : WithoutCaches,
            "--host", "127.0.0.1", "--port", $"{port}", "--threads", "1", "--parallel", $"{slots}", "--ctx-size", $"{512 * slots}",
            "--no-webui", "--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off",
        ];
        start = new ProcessStartInfo(Environment.GetEnvironmentVariable(Variable)!, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        process = Launch();
    }

    public Uri Url => client.BaseAddress!;

    /// <param name="lora">Adapter files, with commas between them.</param>
    /// <param name="slots">Requests at the same time.</param>
    /// <param name="caches">Leave the server its caches of prompts, as it starts by itself: they do not tell adapters apart.</param>
    public static async Task<LlamaServer> StartAsync(string model, string? lora = null, int slots = 1, bool caches = false)
    {
        var server = new LlamaServer(model, lora, slots, caches);
        await server.WaitAsync();
        return server;
    }

    /// <summary>Kills the process, whatever it was doing, and starts another one at the same address.</summary>
    public async Task RestartAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        process = Launch();
        await WaitAsync();
    }

    /// <summary>
    /// Log-probabilities of the given tokens behind a prompt, forced by a grammar of token ids, and of the end-of-generation token that the
    /// server ends with.
    /// </summary>
    /// <param name="scale">Of the one adapter; null where the server has none.</param>
    public async Task<(double[] LogProbabilities, double End)> ScoreAsync(IEnumerable<int> prompt, IReadOnlyList<int> tokens, double? scale)
    {
        using var response = await client.PostAsJsonAsync("/completion", new
        {
            prompt,
            n_predict = tokens.Count + 2,
            n_probs = 1,
            temperature = 0,
            cache_prompt = false,
            lora = scale is { } value ? new[] { new { id = 0, scale = value } } : [],
            grammar = "root ::= " + string.Join(' ', tokens.Select(token => $"<[{token}]>")),
        });
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, body);
        using var document = JsonDocument.Parse(body);
        Assert.Equal(0, document.RootElement.GetProperty("timings").GetProperty("cache_n").GetInt32());
        var scored = document.RootElement.GetProperty("completion_probabilities").EnumerateArray()
            .Select(entry => (Id: entry.GetProperty("id").GetInt32(), LogProbability: entry.GetProperty("logprob").GetDouble())).ToList();
        Assert.Equal(tokens, scored.Take(tokens.Count).Select(entry => entry.Id));
        return ([.. scored.Take(tokens.Count).Select(entry => entry.LogProbability)], scored[tokens.Count].LogProbability);
    }

    /// <summary>Token ids of a text, special tokens as the model's file says.</summary>
    public async Task<int[]> TokenizeAsync(string text)
    {
        using var response = await client.PostAsJsonAsync("/tokenize", new { content = text, add_special = true });
        using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return [.. document.RootElement.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32())];
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private Process Launch()
    {
        var launched = Process.Start(start)!;
        launched.OutputDataReceived += (_, line) => Note(line.Data);
        launched.ErrorDataReceived += (_, line) => Note(line.Data);
        launched.BeginOutputReadLine();
        launched.BeginErrorReadLine();
        return launched;
    }

    private async Task WaitAsync()
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromMinutes(2) && !process.HasExited)
        {
            try
            {
                if ((await client.GetAsync("/health")).StatusCode == HttpStatusCode.OK) return;
            }
            catch (HttpRequestException)
            {
                // not listening yet
            }

            await Task.Delay(100);
        }

        var said = Log();
        await DisposeAsync();
        throw new InvalidOperationException("llama-server did not start:\n" + said);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Note(string? line)
    {
        if (line is not null) lock (log) log.Add(line);
    }

    private string Log()
    {
        lock (log) return string.Join('\n', log.TakeLast(20));
    }
}

/// <summary>A theory of the llama.cpp lane; without the server it is listed as skipped, with the way to run it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LlamaServerTheoryAttribute : TheoryAttribute
{
    public LlamaServerTheoryAttribute()
    {
        if (Environment.GetEnvironmentVariable(LlamaServer.Variable) is not { Length: > 0 } path || !File.Exists(path))
            Skip = $"{LlamaServer.Variable} names no llama-server: scripts/test-llama-cpp.sh builds one and runs this.";
    }
}
