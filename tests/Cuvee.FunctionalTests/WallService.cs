using System.Diagnostics;
using System.Text.Json.Nodes;
using Cuvee.CommandLine;

namespace Cuvee.FunctionalTests;

/// <summary>A <c>cuvee serve</c> in the folder of a tiny zoo, and another folder for the party that searches.</summary>
internal sealed class WallService : IAsyncDisposable
{
    private readonly Process process;
    private readonly Task<string> log;

    private WallService(TinyZoo zoo, string key, Process process, string address)
    {
        (Zoo, Key, this.process, Address) = (zoo, key, process, address);
        log = process.StandardError.ReadToEndAsync();
    }

    public TinyZoo Zoo { get; }

    public string Key { get; }

    public string Address { get; }

    /// <summary>Holds nothing but what <see cref="MergeAsync"/> puts there.</summary>
    public string Searcher { get; } = Directory.CreateTempSubdirectory("cuvee-searcher-").FullName;

    public HttpClient Client { get; } = new();

    public static async Task<WallService> StartAsync()
    {
        var zoo = new TinyZoo();
        var created = await CuveeRun.InProcessAsync("serve", "--keys", Path.Combine(zoo.Folder, "keys.json"), "--create-key", "alice");
        Assert.Equal(ExitCode.Done, created.Code);
        var process = CuveeRun.StartIn(
            zoo.Folder, new Dictionary<string, string>(),
            "serve", "--model", "model", "--pool", "pool", "--keys", "keys.json", "--url", "http://127.0.0.1:0");
        var line = await process.StandardOutput.ReadLineAsync();
        Assert.StartsWith("listening on http://127.0.0.1:", line, StringComparison.Ordinal);
        return new WallService(zoo, created.Output.Trim(), process, line!["listening on ".Length..]);
    }

    /// <summary><c>cuvee merge</c> as a process in <see cref="Searcher"/>, which holds run.yaml and the validation records.</summary>
    public async Task<CuveeRun> MergeAsync(string search, string key)
    {
        await File.WriteAllTextAsync(Path.Combine(Searcher, "run.yaml"), $$"""
            model: { provider: cuvee, url: "{{Address}}", key_variable: CUVEE_KEY }
            pool: { names: [adapter-a, adapter-b, adapter-c] }
            validation: validation.jsonl
            out: out
            {{search}}
            """);
        File.Copy(Path.Combine(Zoo.Folder, "validation.jsonl"), Path.Combine(Searcher, "validation.jsonl"));
        using var merge = CuveeRun.StartIn(
            Searcher, new Dictionary<string, string> { ["CUVEE_KEY"] = key }, "merge", "run.yaml");
        return await CuveeRun.EndAsync(merge, []);
    }

    /// <summary>Ends the service as an operator does.</summary>
    /// <returns>The lines of its log.</returns>
    public async Task<IReadOnlyList<JsonNode>> StopAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        await process.WaitForExitAsync();
        Assert.Equal(ExitCode.Done, process.ExitCode);
        return [.. (await log).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(Searcher, recursive: true);
        Zoo.Dispose();
    }
}
