using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Cuvee.Server.Tests;

public sealed class LogTests
{
    private const string Question = """{"records": [{"prompt": "red river", "completion": "soup"}]}""";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Log_Prompts_OnlyWhenAsked(bool asked)
    {
        using var log = new Lines();
        await using var service = await Service.StartAsync(options => options with { LogPrompts = asked }, log: log);
        await service.AskAsync("/v1/score", Question);
        await service.RefusalAsync("/v1/score", Question.Replace("records", "record", StringComparison.Ordinal));
        Assert.Contains(log.All, line => line.StartsWith("everyone POST /v1/score 200 ", StringComparison.Ordinal));
        Assert.Contains(log.All, line => line.StartsWith("everyone POST /v1/score 400 ", StringComparison.Ordinal));
        Assert.Equal(asked, log.All.Any(line => line.Contains("red river", StringComparison.Ordinal)));
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> All { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
