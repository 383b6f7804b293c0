using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Cuvee.CommandLine;
using Cuvee.Data;

namespace Cuvee.FunctionalTests;

public sealed class ServeTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    [Fact]
    public async Task Serve_Process_ScoresAsTheCommandDoesAndLogsNoPrompt()
    {
        var keys = zoo.NewPath();
        var created = await CuveeRun.InProcessAsync("serve", "--keys", keys, "--create-key", "alice");
        Assert.Equal(ExitCode.Done, created.Code);
        using var process = CuveeRun.Start(
            "serve", "--model", zoo.Model, "--pool", zoo.Pool, "--keys", keys, "--url", "http://127.0.0.1:0");
        var log = process.StandardError.ReadToEndAsync();
        var line = await process.StandardOutput.ReadLineAsync();
        Assert.StartsWith("listening on http://127.0.0.1:", line, StringComparison.Ordinal);
        using var client = new HttpClient { BaseAddress = new Uri(line!["listening on ".Length..]) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", created.Output.Trim());
        var records = RecordFile.Read(zoo.Data);
        var body = new JsonObject
        {
            ["recipe"] = JsonNode.Parse(await File.ReadAllTextAsync(zoo.Recipe("factors"))),
            ["records"] = new JsonArray([.. records.Select(record => (JsonNode)new JsonObject
            {
                ["id"] = record.Id,
                ["prompt"] = record.Prompt,
                ["completion"] = record.Completion,
            })]),
        };
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await client.PostAsync("/v1/score", content);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        await kill.WaitForExitAsync();
        await process.WaitForExitAsync();
        Assert.Equal(ExitCode.Done, process.ExitCode);
        Assert.Equal(
            await zoo.ScoreAsync(zoo.Model, "--pool", zoo.Pool, "--recipe", zoo.Recipe("factors")),
            answer["records"]!.AsArray().Select(record => record!["logprob"]!.GetValue<double>()));
        var lines = (await log).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(entry => JsonNode.Parse(entry)!).ToList();
        Assert.Contains(lines, entry => entry["State"]?["Path"]?.GetValue<string>() == "/v1/score");
        Assert.DoesNotContain(records, record => lines.Exists(
            entry => entry.ToJsonString().Contains(record.Prompt, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("192.0.2.1")] // of no machine
    public async Task Serve_AddressThatCannotBeHad_OneSentence(string host)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var keys = zoo.NewPath();
        await CuveeRun.InProcessAsync("serve", "--keys", keys, "--create-key", "alice");
        var url = $"http://{host}:{((IPEndPoint)taken.LocalEndpoint).Port}";
        var run = await CuveeRun.InOwnProcessAsync(
            [], "serve", "--model", zoo.Model, "--pool", zoo.Pool, "--keys", keys, "--url", url);
        Assert.Equal((ExitCode.BadInput, ""), (run.Code, run.Output));
        var sentence = Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith($"--url: cannot listen on {url} (", sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve needs --model and --pool", "serve")]
    [InlineData("--create-key needs --keys", "serve", "--create-key", "alice")]
    public async Task Serve_MissingOption_SaysWhich(string sentence, params string[] arguments)
    {
        var run = await CuveeRun.InProcessAsync(arguments);
        Assert.Equal(ExitCode.BadInput, run.Code);
        Assert.Contains(sentence, run.Error, StringComparison.Ordinal);
    }
}
