using Cuvee.Data;
using Cuvee.Server.Benchmarks;

namespace Cuvee.Server.Tests;

public sealed class ServeBenchmarkTests
{
    [Fact]
    public async Task RunAsync_Clients_AllAreAnswered()
    {
        using var zoo = new TinyZoo();
        var result = await ServeBenchmark.RunAsync(
            new ServerOptions { Model = zoo.ModelFolder, Pool = zoo.PoolFolder, MaxWaiting = 1 },
            RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl")), new ServeLoad(6, 2, 3, 1), TimeProvider.System, _ => { },
            CancellationToken.None);
        Assert.Equal((6, 36, 0), (result.Clients, result.Records, result.Errors));
        Assert.True(result is { EngineRecordsPerSecond: > 0, ServiceRecordsPerSecond: > 0, Ratio: > 0 });
        Assert.True(result.P99Milliseconds >= result.MedianMilliseconds);
    }
}
