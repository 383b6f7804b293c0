using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Cuvee.CommandLine;
using Cuvee.Data;

namespace Cuvee.FunctionalTests;

/// <summary>One process serves, another one searches, each in a folder of its own.</summary>
public sealed class WallTests
{
    private const string Search = "search: fisher-probing\nbudget: { queries: 300 }";

    [Fact]
    public async Task Merge_ThroughTheWall_FindsTheRecipeOfTheEmbeddedRun()
    {
        await using var service = await WallService.StartAsync();
        var served = await service.MergeAsync(Search, service.Key);
        Assert.True(served.Code == ExitCode.Done, served.Error);
        var log = await service.StopAsync();
        var embedded = await CuveeRun.InProcessAsync("merge", service.Zoo.WriteRun(Search));
        Assert.Equal(ExitCode.Done, embedded.Code);
        Task<string[]> LinesAsync(string folder, string name) => File.ReadAllLinesAsync(Path.Combine(folder, "out", name));
        Assert.Equal(await LinesAsync(service.Zoo.Folder, "recipe.json"), await LinesAsync(service.Searcher, "recipe.json"));
        Assert.Equal(
            (await LinesAsync(service.Zoo.Folder, "evaluations.jsonl"))[..^1], // the last one is of the written adapter
            await LinesAsync(service.Searcher, "evaluations.jsonl"));

        // Nothing of the server's disk came over, neither weights nor where they lie.
        Assert.Empty(Directory.GetFiles(service.Searcher, "*.safetensors", SearchOption.AllDirectories));
        var written = Directory.GetFiles(service.Searcher, "*", SearchOption.AllDirectories);
        Assert.All(
            [served.Output, served.Error, .. written.Select(File.ReadAllText)],
            text => Assert.DoesNotContain(service.Zoo.Folder, text, StringComparison.Ordinal));

        var requests = log.Select(line => line["State"]?["Path"]?.GetValue<string>()).OfType<string>().ToList();
        Assert.Subset(
            new HashSet<string> { "/v1/models", "/v1/adapters", "/v1/score" }, requests.ToHashSet(StringComparer.Ordinal));
        Assert.Contains("/v1/score", requests);
        var whole = string.Concat(log.Select(line => line.ToJsonString()));
        Assert.DoesNotContain(service.Key, whole, StringComparison.Ordinal);
        Assert.All(RecordFile.Read(Path.Combine(service.Searcher, "validation.jsonl")), record =>
        {
            Assert.DoesNotContain(record.Prompt, whole, StringComparison.Ordinal);
            Assert.DoesNotContain(record.Completion, whole, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Merge_KeyWithoutRights_IsRefusedBeforeTheFirstQuery()
    {
        await using var service = await WallService.StartAsync();
        var run = await service.MergeAsync(Search, service.Key + "0");
        Assert.Equal(ExitCode.BadInput, run.Code);
        Assert.Contains("401", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(service.Searcher, "out", "recipe.json")));
        var requests = (await service.StopAsync()).Where(line => line["State"]?["Path"] is not null).ToList();
        Assert.NotEmpty(requests);
        Assert.All(requests, line => Assert.Equal("401", line["State"]!["Status"]!.ToString()));
    }

    [Fact]
    public async Task Answers_OfTheProcess_HoldNoPathOfTheServer()
    {
        await using var service = await WallService.StartAsync();
        var inside = Path.Combine(service.Zoo.PoolFolder, "adapter-a");
        (string Path, string? Body, int Status)[] questions =
        [
            ("/v1/models", null, 200),
            ("/v1/adapters", null, 200),
            ("/v1/models/adapter-a", null, 200),
            ("/v1/models/../../model/config.json", null, 404),
            ("/v1/models/..%2F..%2Fmodel%2Fconfig.json", null, 404),
            ("/v1/models/%2e%2e%2f%2e%2e", null, 404),
            ("/v1/models/..%5Cpool", null, 404),
            ("/v1/models/%2Fetc%2Fpasswd", null, 404),
            ("/v1/models//etc/passwd", null, 404),
            ("/v1/score", """{"model": "../pool/adapter-a", "records": []}""", 404),
            ("/v1/score", """{"model": "..%2Fpool%2Fadapter-a", "records": []}""", 404),
            ("/v1/score", """{"model": "/etc/passwd", "records": []}""", 404),
            ("/v1/score", Recipe("../model"), 400),
            ("/v1/score", Recipe("./adapter-a"), 400),
            ("/v1/score", Recipe("/etc"), 400),
            ("/v1/score", "{", 400),
            ("/v1/score", $$"""{"records": {{new string('[', 100_000)}}""", 400),
            ("/v1/completions", """{"model": "../pool/adapter-a", "prompt": "red"}""", 404),
        ];
        foreach (var (path, body, status) in questions)
        {
            var (answered, text) = await AskAsync(service, path, body);
            Assert.True(status == answered, $"{path} {body?[..Math.Min(body.Length, 100)]}: {answered} {text}");
            Assert.DoesNotContain(service.Zoo.Folder, text, StringComparison.Ordinal);
            if (status != 200) Assert.Equal("invalid_request_error", JsonNode.Parse(text)!["error"]!["type"]!.GetValue<string>());
        }

        // A true path of an adapter is only another unknown name; the sentence repeats what the caller sent and nothing more.
        var (refused, sentence) = await AskAsync(service, "/v1/score", $$"""{"model": "{{inside}}", "records": []}""");
        Assert.Equal(404, refused);
        Assert.DoesNotContain(service.Zoo.Folder, sentence.Replace(inside, "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static string Recipe(string adapter) => $$"""
        {"recipe": {"space": "delta", "adapters": [{"name": "{{adapter}}", "weight": 1}]}, "records": [{"prompt": "a", "completion": "b"}]}
        """;

    /// <summary>The path is sent as it is written, dots and all.</summary>
    private static async Task<(int Status, string Text)> AskAsync(WallService service, string path, string? body)
    {
        var address = new Uri(service.Address + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, address);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", service.Key);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await service.Client.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
