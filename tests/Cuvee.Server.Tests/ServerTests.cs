using System.ClientModel;
using System.Text.Json.Nodes;
using Cuvee.Server.Engine;
using Microsoft.AspNetCore.Builder;
using OpenAI;
using OpenAI.Chat;

namespace Cuvee.Server.Tests;

public sealed class ServerTests
{
    private const string Question = """{"records": [{"prompt": "red", "completion": "soup"}]}""";

    [Fact]
    public async Task Models_List_NamesWithoutPaths()
    {
        await using var service = await Service.StartAsync();
        var fingerprint = service.Part<ServedPool>().Fingerprint;
        Assert.Equal(
            $$"""
            {"object":"list","data":[
            {"id":"base","object":"model","created":0,"owned_by":"cuvee","context_length":128,"fingerprint":"{{fingerprint}}"},
            {"id":"adapter-a","object":"model","created":0,"owned_by":"cuvee","parent":"base"},
            {"id":"adapter-b","object":"model","created":0,"owned_by":"cuvee","parent":"base"},
            {"id":"adapter-c","object":"model","created":0,"owned_by":"cuvee","parent":"base"}]}
            """.ReplaceLineEndings(""),
            await service.Client.GetStringAsync("/v1/models"));
    }

    [Fact]
    public async Task Adapters_List_SizesWithoutWeights()
    {
        await using var service = await Service.StartAsync();
        var text = await service.Client.GetStringAsync("/v1/adapters");
        Assert.StartsWith(
            """{"object":"list","data":[{"name":"adapter-a","ranks":[2],"modules":14,"layers":[0,1]},""", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenApi_Document_HoldsTheRoutesThatThereAre()
    {
        await using var service = await Service.StartAsync();
        var document = await service.GetAsync("/openapi.json");
        Assert.Equal("3.1.0", document["openapi"]!.GetValue<string>());
        Assert.Equal(
            ["/health", "/metrics", "/openapi.json", "/v1/adapters", "/v1/chat/completions", "/v1/completions", "/v1/models",
                "/v1/models/{id}", "/v1/score"],
            document["paths"]!.AsObject().Select(path => path.Key));
        Assert.NotNull(document["paths"]!["/v1/score"]!["post"]!["requestBody"]);
        Assert.Equal("id", document["paths"]!["/v1/models/{id}"]!["get"]!["parameters"]![0]!["name"]!.GetValue<string>());
        Assert.Null(document["security"]);
    }

    [Fact]
    public async Task Fingerprint_OtherPool_Differs()
    {
        await using var first = await Service.StartAsync();
        await using var same = await Service.StartAsync();
        Assert.Equal(first.Part<ServedPool>().Fingerprint, same.Part<ServedPool>().Fingerprint);
        var config = Path.Combine(first.Folder, "pool", "adapter-a", "adapter_config.json");
        File.AppendAllText(config, "\n");
        await using var changed = new ServedPool(first.Part<ServerOptions>(), _ => { });
        Assert.NotEqual(same.Part<ServedPool>().Fingerprint, changed.Fingerprint);
    }

    [Fact]
    public async Task Fingerprint_TokenizerBesideGguf_Differs()
    {
        using var zoo = new TinyZoo();
        var options = new ServerOptions { Model = zoo.WriteGguf(), Pool = zoo.PoolFolder, Url = "http://127.0.0.1:0" };
        await using var first = new ServedPool(options, _ => { });
        File.AppendAllText(Path.Combine(zoo.Folder, "tokenizer.json"), "\n");
        await using var changed = new ServedPool(options, _ => { });
        Assert.NotEqual(first.Fingerprint, changed.Fingerprint);
    }

    [Theory]
    [InlineData("/v1/models/..%2Fpool")]
    [InlineData("/v1/models/adapter-a%2F..")]
    [InlineData("/v1/models/%2e%2e")]
    [InlineData("/../model/config.json")]
    public async Task Models_PathTricks_NotFound(string path)
    {
        await using var service = await Service.StartAsync(listens: true);
        using var response = await service.Client.GetAsync(path);
        Assert.Equal(404, (int)response.StatusCode);
        Assert.DoesNotContain(service.Folder, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAiClient_ChatAndStream_Understood()
    {
        await using var service = await Service.StartAsync(options => options with { Template = "alpaca" }, listens: true);
        var client = new ChatClient(
            "adapter-b", new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(service.Address + "/v1") });
        ChatMessage[] messages = [new SystemChatMessage("short"), new UserChatMessage("red soup")];
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 10, Temperature = 0, IncludeLogProbabilities = true };
        var whole = (await client.CompleteChatAsync(messages, options)).Value;
        Assert.Equal(10, whole.Usage.OutputTokenCount);
        Assert.Equal(10, whole.ContentTokenLogProbabilities.Count);
        var parts = new List<string>();
        var counted = 0;
        await foreach (var update in client.CompleteChatStreamingAsync(messages, new() { MaxOutputTokenCount = 10, Temperature = 0 }))
        {
            parts.AddRange(update.ContentUpdate.Select(part => part.Text));
            counted += update.Usage?.OutputTokenCount ?? 0;
        }

        Assert.Equal(10, counted);
        Assert.Equal(whole.Content[0].Text, string.Concat(parts));
        Assert.NotEqual("", whole.Content[0].Text);
    }

    [Fact]
    public async Task Stop_RequestUnderWay_IsAnswered()
    {
        await using var service = await Service.StartAsync(listens: true);
        var (model, engine) = (service.Part<ServedPool>(), service.Part<EngineScheduler>());
        var held = await model.Host.LeaseAsync(model.Base.Recipe, CancellationToken.None);
        var asked = service.AskAsync("/v1/score", Question);
        while (engine.Arrived < 1) await Task.Yield();
        var stopping = service.StopAsync();
        Assert.False(stopping.IsCompleted);
        await held.DisposeAsync();
        Assert.Equal(1, (await asked)["summary"]!["records"]!.GetValue<int>());
        await stopping;
    }

    [Fact]
    public async Task Score_OverTime_Refused()
    {
        await using var service = await Service.StartAsync(options => options with { RequestTime = TimeSpan.FromMilliseconds(50) });
        var model = service.Part<ServedPool>();
        await using var held = await model.Host.LeaseAsync(model.Base.Recipe, CancellationToken.None);
        Assert.Equal(504, (await service.RefusalAsync("/v1/score", Question)).Status);
    }

    [Fact]
    public async Task Score_TooManyWait_ComeBackLater()
    {
        await using var service = await Service.StartAsync(options => options with { MaxWaiting = 1 });
        var (model, engine) = (service.Part<ServedPool>(), service.Part<EngineScheduler>());
        var asked = new List<Task<JsonNode>>();
        await using (await model.Host.LeaseAsync(model.Base.Recipe, CancellationToken.None))
        {
            asked.Add(service.AskAsync("/v1/score", Question));
            while (engine.Arrived < 1 || engine.Waiting > 0) await Task.Yield();
            asked.Add(service.AskAsync("/v1/score", Question));
            while (engine.Arrived < 2) await Task.Yield();
            using var refused = await service.PostAsync("/v1/score", Question);
            Assert.Equal((503, TimeSpan.FromSeconds(1)), ((int)refused.StatusCode, refused.Headers.RetryAfter!.Delta));
        }

        await Task.WhenAll(asked);
        Assert.Contains("cuvee_engine_jobs_total 2\n", await service.Client.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Score_CallersWhoLeft_KeepNoPlace()
    {
        await using var service = await Service.StartAsync(options => options with { MaxWaiting = 1 });
        var (model, engine) = (service.Part<ServedPool>(), service.Part<EngineScheduler>());
        var asked = new List<Task<JsonNode>>();
        await using (await model.Host.LeaseAsync(model.Base.Recipe, CancellationToken.None))
        {
            asked.Add(service.AskAsync("/v1/score", Question));
            while (engine.Arrived < 1 || engine.Waiting > 0) await Task.Yield();
            using var leaves = new CancellationTokenSource();
            using var content = new StringContent(Question);
            var left = service.Client.PostAsync("/v1/score", content, leaves.Token);
            while (engine.Waiting < 1) await Task.Yield();
            await leaves.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
            asked.Add(service.AskAsync("/v1/score", Question));
            while (engine.Arrived < 3 && !asked[1].IsCompleted) await Task.Yield();
        }

        await Task.WhenAll(asked);
        Assert.Equal((3, 2), (engine.Arrived, engine.Jobs));
    }

    [Theory]
    [InlineData("jinja", "--template: there is no template 'jinja'; name auto or one of none,")]
    [InlineData("auto", "--template: the model names no chat template")]
    [InlineData("chatml", "--template: Template chatml ends a turn with '<|im_end|>'")]
    public async Task Template_ThatNoChatCouldUse_IsRefusedAtTheStart(string template, string sentence)
    {
        var error = await Assert.ThrowsAsync<Cuvee.Formats.BadInputException>(
            () => Service.StartAsync(options => options with { Template = template }));
        Assert.StartsWith(sentence, error.Message, StringComparison.Ordinal);
    }

    /// <summary>A real collector's side of the wire: OTLP's protobuf holds names as they are.</summary>
    [Fact]
    public async Task Telemetry_Collector_GetsTheMetricsAtTheEnd()
    {
        var bodies = new List<string>();
        await using var collector = WebApplication.CreateSlimBuilder().Build();
        collector.Urls.Add("http://127.0.0.1:0");
        collector.MapPost("/v1/metrics", async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            bodies.Add(System.Text.Encoding.Latin1.GetString(body.ToArray()));
        });
        await collector.StartAsync();
        await using (var service = await Service.StartAsync(options => options with { Telemetry = collector.Urls.First() }))
        {
            await service.AskAsync("/v1/score", Question);
        }

        var sent = string.Concat(bodies);
        Assert.All(
            (string[])["cuvee.requests", "cuvee.engine.calls", "cuvee.engine.jobs", "cuvee.engine.waiting", "http.server.request.duration"],
            name => Assert.Contains(name, sent, StringComparison.Ordinal));
        Assert.DoesNotContain("soup", sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Telemetry_NoAddress_IsRefused()
    {
        var error = await Assert.ThrowsAsync<Cuvee.Formats.BadInputException>(
            () => Service.StartAsync(options => options with { Telemetry = "collector" }));
        Assert.StartsWith("--otlp: 'collector' is no address", error.Message, StringComparison.Ordinal);
    }
}
