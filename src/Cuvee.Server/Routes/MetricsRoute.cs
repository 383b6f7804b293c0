using System.Text;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Routes;

/// <summary><c>GET /metrics</c> in Prometheus's text format.</summary>
internal sealed class MetricsRoute(EngineScheduler engine)
{
    public Task MetricsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        var text = $"""
            # HELP cuvee_requests_total Requests for the engine, answered or not.
            # TYPE cuvee_requests_total counter
            cuvee_requests_total {engine.Arrived}
            # HELP cuvee_engine_calls_total Calls of the engine.
            # TYPE cuvee_engine_calls_total counter
            cuvee_engine_calls_total {engine.Batches}
            # HELP cuvee_engine_jobs_total Requests that those calls answered.
            # TYPE cuvee_engine_jobs_total counter
            cuvee_engine_jobs_total {engine.Jobs}
            # HELP cuvee_engine_waiting Requests that wait for the engine.
            # TYPE cuvee_engine_waiting gauge
            cuvee_engine_waiting {engine.Waiting}

            """;
        return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n")), context.RequestAborted).AsTask();
    }
}
