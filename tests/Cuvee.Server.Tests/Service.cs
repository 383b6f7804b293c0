using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuvee.Server.Tests;

/// <summary>A tiny zoo served without a network, and the same model asked directly.</summary>
internal sealed class Service : IAsyncDisposable
{
    private readonly TinyZoo zoo;
    private readonly WebApplication app;

    private Service(Func<ServerOptions, ServerOptions>? change, TimeProvider? time, bool listens, ILoggerProvider? log, int contextLength)
    {
        zoo = new TinyZoo(contextLength: contextLength);
        var options = new ServerOptions { Model = zoo.ModelFolder, Pool = zoo.PoolFolder, Url = "http://127.0.0.1:0" };
        app = CuveeServer.Create(change?.Invoke(options) ?? options, time ?? TimeProvider.System, _ => { }, builder =>
        {
            if (log is not null) builder.Logging.AddProvider(log);
            if (!listens) builder.WebHost.UseTestServer();
        });
    }

    public const string Recipe = """
        {"space": "delta", "adapters": [
          {"name": "adapter-a", "weight": 0.8, "keep_fraction": 0.5}, {"name": "adapter-c", "weight": -0.4}]}
        """;

    public const string OtherRecipe = """{"space": "factors", "adapters": [{"name": "adapter-b", "weight": 1.1}]}""";

    public string Folder => zoo.Folder;

    public string Address => app.Urls.First();

    public HttpClient Client { get; private set; } = null!;

    /// <summary>For clients of their own.</summary>
    public HttpMessageHandler Handler => app.GetTestServer().CreateHandler();

    public T Part<T>()
        where T : notnull => app.Services.GetRequiredService<T>();

    public Task StopAsync() => app.StopAsync();

    public static async Task<Service> StartAsync(
        Func<ServerOptions, ServerOptions>? change = null, TimeProvider? time = null, bool listens = false,
        ILoggerProvider? log = null, int contextLength = 128)
    {
        var service = new Service(change, time, listens, log, contextLength);
        await service.app.StartAsync();
        service.Client = listens ? new HttpClient { BaseAddress = new Uri(service.Address) } : service.app.GetTestClient();
        return service;
    }

    public Task<HttpResponseMessage> PostAsync(string path, string body, string? key = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return Client.SendAsync(request);
    }

    /// <summary>The answer to a request that must succeed.</summary>
    public async Task<JsonNode> AskAsync(string path, string body)
    {
        using var response = await PostAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }

    public async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await Client.GetStringAsync(path))!;

    public async Task<(int Status, string Text)> SendAsync(HttpMethod method, string path, string? key = null)
    {
        var request = new HttpRequestMessage(method, path);
        if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var response = await Client.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Status and sentence of a refusal in OpenAI's form; it names no folder.</summary>
    public async Task<(int Status, string Message)> RefusalAsync(string path, string body, string? key = null)
    {
        using var response = await PostAsync(path, body, key);
        var text = await response.Content.ReadAsStringAsync();
        Assert.DoesNotContain(Folder, text, StringComparison.Ordinal);
        return ((int)response.StatusCode, JsonNode.Parse(text)!["error"]!["message"]!.GetValue<string>());
    }

    /// <summary>The engine without a service; dispose it.</summary>
    public EmbeddedModel Direct(string? recipe = null, TextRules? rules = null)
    {
        var model = EmbeddedModel.Load(zoo.ModelFolder, rules: rules);
        return recipe is null ? model : AdaptedModel.Create(
            model, AdapterPool.Load(zoo.PoolFolder, options: new PeftReaderOptions { Base = zoo.Config }),
            RecipeJson.Parse(Encoding.UTF8.GetBytes(recipe), "recipe"));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.DisposeAsync();
        zoo.Dispose();
    }
}
