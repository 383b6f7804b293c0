using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Server.Keys;

namespace Cuvee.Server.Tests;

public sealed class KeyTests : IDisposable
{
    private const string Question = """{"records": [{"prompt": "red", "completion": "soup"}]}""";

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-keys-").FullName;

    private string File => Path.Combine(folder, "keys.json");

    [Fact]
    public async Task Keys_NoneOrWrong_Refused()
    {
        var key = KeyFile.Create(File, "alice");
        await using var service = await Service.StartAsync(options => options with { KeysFile = File });
        Assert.Equal(401, (await service.RefusalAsync("/v1/score", Question)).Status);
        Assert.Equal(401, (await service.RefusalAsync("/v1/score", Question, key + "0")).Status);
        Assert.Equal(401, (await service.RefusalAsync("/v1/nowhere", Question)).Status);
        using var answer = await service.PostAsync("/v1/score", Question, key);
        Assert.True(answer.IsSuccessStatusCode);
        using var health = await service.Client.GetAsync("/health");
        Assert.Equal("""{"status":"ok"}""", await health.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Keys_RequestsOverTheLimit_RetryAfter()
    {
        var key = CreateLimited("requests_per_minute", 2);
        await using var service = await Service.StartAsync(options => options with { KeysFile = File }, new StillTime());
        for (var i = 0; i < 2; i++) (await service.PostAsync("/v1/score", Question, key)).EnsureSuccessStatusCode();
        using var refused = await service.PostAsync("/v1/score", Question, key);
        Assert.Equal((429, TimeSpan.FromSeconds(30)), ((int)refused.StatusCode, refused.Headers.RetryAfter!.Delta));
        Assert.Contains("2 requests a minute", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_MoreTokensThanAMinuteHas_Refused()
    {
        var key = CreateLimited("tokens_per_minute", 10);
        await using var service = await Service.StartAsync(options => options with { KeysFile = File }, new StillTime());
        const string large = """{"prompt": "red", "max_tokens": 50}""";
        const string fits = """{"prompt": "red", "max_tokens": 5}""";
        Assert.Equal(400, (await service.RefusalAsync("/v1/completions", large, key)).Status);
        (await service.PostAsync("/v1/completions", fits, key)).EnsureSuccessStatusCode();
        Assert.Equal(429, (await service.RefusalAsync("/v1/completions", fits, key)).Status);
    }

    [Fact]
    public async Task Keys_BodyOverTheKeysLimit_Refused()
    {
        var key = CreateLimited("max_body_bytes", 20);
        await using var service = await Service.StartAsync(options => options with { KeysFile = File });
        Assert.Equal(413, (await service.RefusalAsync("/v1/score", Question, key)).Status);
    }

    [Theory]
    [InlineData("score", "/v1/score", Question, null)]
    [InlineData("generate", "/v1/score", Question, "score")]
    [InlineData("sessions", "/v1/score", Question, "score")]
    [InlineData("generate", "/v1/completions", """{"prompt": "red", "max_tokens": 2}""", null)]
    [InlineData("score", "/v1/completions", """{"prompt": "red", "max_tokens": 2}""", "generate")]
    [InlineData("generate", "/v1/completions", """{"prompt": "red soup", "max_tokens": 2, "logprobs": 0}""", "score")]
    [InlineData("score", "/v1/completions", """{"prompt": "red soup", "max_tokens": 0, "echo": true, "logprobs": 0}""", null)]
    [InlineData("score", "/v1/chat/completions", """{"template": "alpaca", "messages": [{"role": "user", "content": "a"}]}""", "generate")]
    [InlineData(
        "generate", "/v1/chat/completions",
        """{"template": "alpaca", "max_tokens": 2, "logprobs": true, "messages": [{"role": "user", "content": "a"}]}""", "score")]
    public async Task Rights_OfAKey_DecideWhatItMayAsk(string right, string path, string body, string? lacks)
    {
        var key = CreateLimited("rights", new JsonArray(right));
        await using var service = await Service.StartAsync(options => options with { KeysFile = File });
        using var answer = await service.PostAsync(path, body, key);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((lacks is null ? 200 : 403) == (int)answer.StatusCode, text);
        if (lacks is null) return;
        Assert.Contains($"The key lacks the right '{lacks}'; ask the server's owner", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rights_WithoutSessions_NoRouteOfThem()
    {
        var key = CreateLimited("rights", new JsonArray("score", "generate"));
        await using var service = await StartWithSessionsAsync();
        using var refused = await service.PostAsync("/v1/sessions", """{"preset_id": "mit_movie"}""", key);
        Assert.Equal(403, (int)refused.StatusCode);
        Assert.Equal(403, (await service.SendAsync(HttpMethod.Get, "/v1/presets", key)).Status);
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Get, "/v1/models", key)).Status);
    }

    [Fact]
    public async Task Sessions_OfAKeyThatMayOpenNone_Refused()
    {
        var key = CreateLimited("max_sessions", 0);
        await using var service = await StartWithSessionsAsync();
        using var refused = await service.PostAsync("/v1/sessions", """{"preset_id": "mit_movie"}""", key);
        Assert.Equal((429, null), ((int)refused.StatusCode, refused.Headers.RetryAfter));
        Assert.Contains("The key may open no session; ask", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_UnknownRight_NamesThoseThatThereAre()
    {
        CreateLimited("rights", new JsonArray("admin"));
        var refusal = Assert.Throws<BadInputException>(() => KeyFile.Read(File));
        Assert.Contains("which is no right; choose among score, generate, sessions", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_Key_StandsNowhereInTheFile()
    {
        var key = KeyFile.Create(File, "alice");
        Assert.NotEqual(key, KeyFile.Create(File, "bob"));
        Assert.DoesNotContain(key["cuvee-".Length..], System.IO.File.ReadAllText(File), StringComparison.Ordinal);
        Assert.Equal(["alice", "bob"], KeyFile.Read(File).Select(entry => entry.Name));
        Assert.Throws<BadInputException>(() => KeyFile.Create(File, "bob"));
    }

    [Theory]
    [InlineData("http://0.0.0.0:8080", "give --keys FILE")]
    [InlineData("http://example.org:8080", "give --keys FILE")]
    [InlineData("http://127.0.0.1:8080/;http://0.0.0.0:8081", "is no address to listen on; give http, a host and a port")]
    [InlineData("http://127.0.0.1:8080;http://0.0.0.0:8081", "is no address to listen on")]
    [InlineData("http://127.0.0.1:8080/v1", "is no address to listen on")]
    [InlineData("http://127.0.0.1:8080?a=b", "is no address to listen on")]
    [InlineData("http://127.0.0.1@0.0.0.0:8080", "is no address to listen on")]
    [InlineData("https://127.0.0.1:8080", "is no address to listen on")]
    [InlineData("127.0.0.1:8080", "is no address to listen on")]
    [InlineData("http://localhost:0", "give http://127.0.0.1:0")]
    public void Create_AddressThatIsNotThisMachineAlone_Refused(string url, string sentence)
    {
        var options = new ServerOptions { Model = "m", Pool = "p", Url = url };
        var refusal = Assert.Throws<BadInputException>(() => CuveeServer.Create(options, TimeProvider.System, _ => { }));
        Assert.StartsWith("--url: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_NameToListenOn_RefusedWithKeysToo()
    {
        KeyFile.Create(File, "alice");
        var options = new ServerOptions { Model = "m", Pool = "p", Url = "http://example.org:8080", KeysFile = File };
        var refusal = Assert.Throws<BadInputException>(() => CuveeServer.Create(options, TimeProvider.System, _ => { }));
        Assert.Contains("example.org is a name; give the address of this machine", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("attacker.example", false, 403)]
    [InlineData("127.0.0.1.attacker.example:8080", false, 403)]
    [InlineData("attacker.example", true, 200)]
    [InlineData("LOCALHOST", false, 200)]
    [InlineData("127.0.0.1:9", false, 200)]
    [InlineData("[::1]:9", false, 200)]
    public async Task Host_OfAnotherName_RefusedWithoutKeys(string host, bool hasKeys, int status)
    {
        var key = KeyFile.Create(File, "alice");
        await using var service = await Service.StartAsync(options => options with { KeysFile = hasKeys ? File : null });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/score") { Content = new StringContent(Question) };
        request.Headers.Host = host;
        request.Headers.Authorization = new("Bearer", key);
        using var response = await service.Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, text);
        if (status == 403) Assert.Contains($"asks for host '{host.Split(':')[0]}', and without keys", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Take_TimePasses_Refills()
    {
        var time = new StillTime();
        var budget = new RefillingBudget(60, time);
        Assert.Null(budget.Take(60));
        Assert.Equal(TimeSpan.FromSeconds(30), budget.Take(30));
        time.Seconds += 30;
        Assert.Null(budget.Take(30));
        time.Seconds += 3600;
        Assert.Null(budget.Take(60));
        Assert.NotNull(budget.Take(1));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private async Task<Service> StartWithSessionsAsync()
    {
        var data = Path.Combine(folder, "data");
        Directory.CreateDirectory(data);
        await System.IO.File.WriteAllTextAsync(Path.Combine(data, "mit_movie.jsonl"), """{"prompt": "a", "completion": "b"}""");
        return await Service.StartAsync(options => options with
        {
            KeysFile = File,
            DataFolder = data,
            WorkFolder = Path.Combine(folder, "work"),
        });
    }

    private string CreateLimited(string limit, JsonNode value)
    {
        var key = KeyFile.Create(File, "alice");
        var document = JsonNode.Parse(System.IO.File.ReadAllText(File))!;
        document["keys"]![0]![limit] = value;
        System.IO.File.WriteAllText(File, document.ToJsonString());
        return key;
    }

    /// <summary>Timestamps stand still until they are moved; timers run as ever.</summary>
    private sealed class StillTime : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
