using Cuvee.CommandLine;

namespace Cuvee.FunctionalTests;

/// <summary>Servers of which nothing is known, and servers that fail.</summary>
public sealed class ProvidersTests : IDisposable
{
    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    /// <summary>A chat endpoint has no route by which it could be recognised.</summary>
    [Fact]
    public async Task Check_AddressOfAnUnknownServer_NamesTheRunFileForChat()
    {
        await using var server = new LocalServer(_ => (404, "{}"));
        var run = await CuveeRun.InProcessAsync("providers", "check", server.Address);
        Assert.Equal((ExitCode.BadInput, ""), (run.Code, run.Output));
        Assert.EndsWith(
            "or check a chat endpoint through its run file: cuvee providers check run.yaml.", run.Error.TrimEnd(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Merge_ProviderFailsInMidRun_SaysHowToGoOn()
    {
        await using var server = new LocalServer(i => i < 40 // the start asks six
            ? (200, $$"""{"choices":[{"message":{"content":"{{i}}"},"finish_reason":"stop"}]}""")
            : (400, """{"error":{"message":"The model was taken away."}}"""));
        var file = Path.Combine(zoo.Folder, "chat.yaml");
        await File.WriteAllTextAsync(file, $$"""
            model: { provider: chat, url: "{{server.Address}}", slots: 1 }
            pool: { names: [adapter-a, adapter-b] }
            validation: validation.jsonl
            search: cma-es
            objective: exact-match
            out: out
            """);
        var run = await CuveeRun.InProcessAsync("merge", file);
        Assert.Equal((ExitCode.Failed, ""), (run.Code, run.Output));
        Assert.EndsWith(
            "chat/completions: answered 400 (The model was taken away); every answer so far is in the journal, go on with: " +
            $"cuvee merge {file} --resume", run.Error.TrimEnd(), StringComparison.Ordinal);
    }
}
