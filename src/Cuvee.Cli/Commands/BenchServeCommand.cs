using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Data;
using Cuvee.Server;
using Cuvee.Server.Benchmarks;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee bench serve</c>: the service under load beside its own engine.</summary>
internal static class BenchServeCommand
{
    public static ExampleCommand Create()
    {
        var defaults = new ServeLoad();
        var model = ModelSelection.ModelOption();
        var pool = new Option<string>("--pool")
        {
            Description = "Folder of adapters, one a sub-folder.",
            HelpName = "DIR",
            Required = true,
        };
        var data = new Option<string>("--data") { Description = "Records that are scored.", HelpName = "FILE", Required = true };
        var clients = BenchCommand.Count("--clients", "Clients at the same time.", defaults.Clients);
        var requests = BenchCommand.Count("--requests", "Requests of each client in a round.", defaults.Requests);
        var records = BenchCommand.Count("--records", "Records of a request.", defaults.Records);
        var repetitions = BenchCommand.Count("--repetitions", "Rounds timed after the first one; medians count.", defaults.Repetitions);
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "serve",
            "Time cuvee serve under many scoring clients, beside the engine's own batched speed in the same run.",
            "cuvee bench serve --model zoo/base --pool zoo/adapters --data samples/restaurant/validation.jsonl --clients 8 --repetitions 1")
            { model, pool, data, clients, requests, records, repetitions, json };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var options = new ServerOptions { Model = arguments.GetRequiredValue(model), Pool = arguments.GetRequiredValue(pool) };
            var load = new ServeLoad(
                arguments.GetValue(clients), arguments.GetValue(requests), arguments.GetValue(records), arguments.GetValue(repetitions));
            var result = await ServeBenchmark.RunAsync(
                options, RecordFile.Read(arguments.GetRequiredValue(data)), load, TimeProvider.System, ModelSelection.Warn(arguments),
                cancellationToken);
            await arguments.InvocationConfiguration.Output.WriteLineAsync(
                arguments.GetValue(json) ? JsonOutput.Line(result) : Text(result));
            return result.Errors == 0 ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static string Text(ServeBenchmarkResult result) =>
        $"{result.Clients} clients: {result.ServiceRecordsPerSecond:0} records/s, engine alone {result.EngineRecordsPerSecond:0} " +
        $"({result.Ratio:0.00}); a request {result.MedianMilliseconds:0} ms, p99 {result.P99Milliseconds:0} ms; {result.Errors} errors";
}
