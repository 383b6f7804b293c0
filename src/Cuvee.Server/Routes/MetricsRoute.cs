using System.Text;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Routes;

/// <summary><c>GET /metrics</c> in Prometheus's text format.</summary>
internal sealed class MetricsRoute(ServiceMetrics metrics)
{
    public Task MetricsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(metrics.ToPrometheus()), context.RequestAborted).AsTask();
    }
}
