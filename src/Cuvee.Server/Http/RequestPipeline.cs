using System.Globalization;
using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.Server.Dialects;
using Cuvee.Server.Keys;
using Microsoft.Extensions.Logging;

namespace Cuvee.Server.Http;

/// <summary>What every request passes: host, key, rate, time limit, errors in OpenAI's form, one line of log.</summary>
internal sealed partial class RequestPipeline(ServerOptions options, Tenants tenants, TimeProvider time, ILogger<RequestPipeline> log)
{
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var start = time.GetTimestamp();
        var aborted = context.RequestAborted;
        using var limit = new RequestLimit(options.RequestTime, time, aborted);
        context.RequestAborted = limit.Token;
        context.Features.Set(limit);
        var name = "";
        try
        {
            // A web page of anywhere can make its own name mean this machine.
            if (options.KeysFile is null && !ListenAddress.IsLoopback(context.Request.Host.Host))
                throw ServiceException.ForbiddenHost(context.Request.Host.Host);
            if (!HealthPath(context))
            {
                var tenant = tenants.Of(context.Request);
                name = tenant.Name;
                tenant.TakeRequest();
                context.Features.Set(tenant);
            }

            await next(context).ConfigureAwait(false);
        }
        catch (Exception exception) when (!aborted.IsCancellationRequested)
        {
            await RefuseAsync(context, exception, limit, aborted).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            context.Response.StatusCode = 499; // the caller left; for the log
        }

        Served(
            name, context.Request.Method, context.Request.Path, context.Response.StatusCode, time.GetElapsedTime(start).TotalMilliseconds);
        if (options.LogPrompts && context.Features.Get<RequestText>() is { } text) Body(name, text);
    }

    private static bool HealthPath(HttpContext context) => context.Request.Path == "/health";

    private async Task RefuseAsync(HttpContext context, Exception exception, RequestLimit limit, CancellationToken cancellationToken)
    {
        var refusal = exception switch
        {
            ServiceException known => known,
            BadInputException or LanguageModelException => new ServiceException(400, "invalid_request_error", exception.Message),
            BadHttpRequestException broken => new ServiceException(broken.StatusCode, "invalid_request_error", broken.Message),
            OperationCanceledException when limit.IsOver => new ServiceException(
                504, "server_error", $"The request took longer than {limit.Time.TotalSeconds:0} s; {limit.Mend}."),
            _ => new ServiceException(500, "server_error", "The server failed; its log says why."),
        };
        if (refusal.Status == 500) Failed(exception);
        if (context.Response.HasStarted)
        {
            context.Abort(); // a stream that ends without [DONE]
            return;
        }

        context.Response.Clear();
        context.Response.StatusCode = refusal.Status;
        if (refusal.RetryAfter is { } wait)
        {
            var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (refusal.Status == 413) context.Response.Headers.Connection = "close"; // the rest of the body is never read
        if (refusal.Status == 401) context.Response.Headers.WWWAuthenticate = "Bearer";
        await JsonReply.WriteAsync(context, Form(context, refusal), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>OpenAI's, but for llama-server's and the authors' own.</summary>
    private object Form(HttpContext context, ServiceException refusal) =>
        options.Dialect == ServerDialect.LlamaCpp ? new { Error = new { Code = refusal.Status, refusal.Message, refusal.Type } }
        : context.Request.Path.StartsWithSegments("/v1/sessions") ? new { Detail = refusal.Message }
        : JsonReply.Error(refusal.Type, refusal.Message);

    [LoggerMessage(1, LogLevel.Information, "{Tenant} {Method} {Path} {Status} {Milliseconds:0} ms")]
    private partial void Served(string tenant, string method, string path, int status, double milliseconds);

    [LoggerMessage(2, LogLevel.Information, "{Tenant} asked {Body}")]
    private partial void Body(string tenant, RequestText body);

    [LoggerMessage(3, LogLevel.Error, "A request failed.")]
    private partial void Failed(Exception exception);
}
