using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Cuvee.Formats;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Cuvee.Server.Engine;

/// <summary>What the engine did and what waits for it, as instruments: <c>/metrics</c> prints them, OpenTelemetry exports them.</summary>
internal sealed class ServiceMetrics : IDisposable
{
    private const string MeterName = "Cuvee.Server";
    private const string HttpMeterName = "Microsoft.AspNetCore.Hosting"; // durations of requests by route and status

    private readonly Meter meter = new(MeterName);
    private readonly Reading[] readings;

    public ServiceMetrics(EngineScheduler engine)
    {
        readings =
        [
            new("cuvee.requests", "Requests for the engine, answered or not.", IsCounter: true, () => engine.Arrived),
            new("cuvee.engine.calls", "Calls of the engine.", IsCounter: true, () => engine.Batches),
            new("cuvee.engine.jobs", "Requests that those calls answered.", IsCounter: true, () => engine.Jobs),
            new("cuvee.engine.waiting", "Requests that wait for the engine.", IsCounter: false, () => engine.Waiting),
        ];
        foreach (var (name, description, isCounter, read) in readings)
        {
            if (isCounter) meter.CreateObservableCounter(name, read, description: description);
            else meter.CreateObservableGauge(name, read, description: description);
        }
    }

    /// <summary>Sends them, and the durations of requests, once a minute and at the end.</summary>
    /// <param name="address">Of a collector that takes OTLP over HTTP.</param>
    /// <exception cref="BadInputException">It is no address.</exception>
    public static void Export(IServiceCollection services, string address)
    {
        if (!Uri.TryCreate(address.TrimEnd('/') + "/v1/metrics", UriKind.Absolute, out var endpoint)
            || endpoint.Scheme is not ("http" or "https"))
        {
            throw new BadInputException($"--otlp: '{address}' is no address of a collector; give one such as http://127.0.0.1:4318.");
        }

        services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService("cuvee"))
            .WithMetrics(metrics => metrics.AddMeter(MeterName, HttpMeterName).AddOtlpExporter(exporter =>
            {
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Endpoint = endpoint;
            }));
    }

    /// <summary>Prometheus's text format.</summary>
    public string ToPrometheus()
    {
        var text = new StringBuilder();
        foreach (var (name, description, isCounter, read) in readings)
        {
            var key = name.Replace('.', '_') + (isCounter ? "_total" : "");
            text.Append(CultureInfo.InvariantCulture, $"# HELP {key} {description}\n# TYPE {key} {(isCounter ? "counter" : "gauge")}\n");
            text.Append(CultureInfo.InvariantCulture, $"{key} {read()}\n");
        }

        return text.ToString();
    }

    public void Dispose() => meter.Dispose();

    private sealed record Reading(string Name, string Description, bool IsCounter, Func<long> Read);
}
