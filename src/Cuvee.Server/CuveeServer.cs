using Cuvee.Formats;
using Cuvee.Server.Dialects;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;
using Cuvee.Server.Routes;
using Cuvee.Server.Sessions;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cuvee.Server;

/// <summary>The service as an application: start it, stop it, dispose it.</summary>
public static class CuveeServer
{
    /// <param name="warn">Gets one sentence for each doubt about the pool.</param>
    /// <param name="configure">Logging, or another server in tests; null for neither.</param>
    /// <exception cref="BadInputException">An option, the keys, the model or the pool cannot be used.</exception>
    public static WebApplication Create(
        ServerOptions options, TimeProvider time, Action<string> warn, Action<WebApplicationBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var url = ListenAddress.Of(options);
        ServerDialect.Check(options);
        var tenants = new Tenants(options.KeysFile is { } keys ? KeyFile.Read(keys) : null, time);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(url).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        });
        builder.Services.AddRoutingCore().AddSingleton(options).AddSingleton(time).AddSingleton(tenants)
            .AddSingleton(_ => new ServedPool(options, warn))
            .AddSingleton(services => new EngineScheduler(
                services.GetRequiredService<ServedPool>().Host, options.MaxWaiting, options.BatchTokens))
            .AddSingleton<RequestPipeline>().AddSingleton<ModelRoutes>().AddSingleton<ScoreRoute>().AddSingleton<CompletionRoute>()
            .AddSingleton<AnswerWriter>().AddSingleton<ChatRoute>()
            .AddSingleton<ServiceMetrics>().AddSingleton<MetricsRoute>().AddSingleton<OpenApiRoute>()
            .Configure<HostOptions>(host => host.ShutdownTimeout = options.DrainTime);
        if (options.DataFolder is not null)
        {
            if (options.WorkFolder is null)
                throw new BadInputException("--data needs --work, the folder where sessions keep what they make.");
            builder.Services.AddSingleton(new DataSets(options.DataFolder)).AddSingleton<SessionStore>().AddSingleton<SessionWork>()
                .AddSingleton<SessionRoutes>();
        }

        if (options.Dialect is not null)
        {
            builder.Services.AddSingleton<DialectEngine>().AddSingleton<UploadedAdapters>().AddSingleton<VllmRoutes>()
                .AddSingleton<SglangRoutes>().AddSingleton<LlamaCppRoutes>();
        }

        if (options.Telemetry is not null) ServiceMetrics.Export(builder.Services, options.Telemetry);
        configure?.Invoke(builder);
        var app = builder.Build();
        Map(app);
        return app;
    }

    private static void Map(WebApplication app)
    {
        var pipeline = app.Services.GetRequiredService<RequestPipeline>();
        app.Use(next => context => pipeline.InvokeAsync(context, next));
        app.UseRouting();
        app.MapGet("/health", context => JsonReply.WriteAsync(context, new { Status = "ok" }, context.RequestAborted))
            .WithSummary("Whether the service runs; needs no key.");
        app.MapGet("/metrics", app.Services.GetRequiredService<MetricsRoute>().MetricsAsync)
            .WithSummary("Counters in Prometheus's text format.");
        app.MapGet("/openapi.json", app.Services.GetRequiredService<OpenApiRoute>().DescribeAsync).WithSummary("This document.");
        switch (app.Services.GetRequiredService<ServerOptions>().Dialect)
        {
            case ServerDialect.Vllm: app.Services.GetRequiredService<VllmRoutes>().Map(app); break;
            case ServerDialect.Sglang: app.Services.GetRequiredService<SglangRoutes>().Map(app); break;
            case ServerDialect.LlamaCpp: app.Services.GetRequiredService<LlamaCppRoutes>().Map(app); break;
            default: MapOwn(app); break;
        }

        app.MapFallback( // the default pattern leaves out paths that end like files
            "{*path}", context => throw ServiceException.NotFound($"There is no route {context.Request.Method} {context.Request.Path}."));
    }

    private static void MapOwn(WebApplication app)
    {
        var models = app.Services.GetRequiredService<ModelRoutes>();
        app.MapGet("/v1/models", models.ListModelsAsync).WithSummary("The base model and its adapters.");
        app.MapGet("/v1/models/{id}", models.GetModelAsync).WithSummary("One of them.");
        app.MapGet("/v1/adapters", models.ListAdaptersAsync).WithSummary("Names and sizes of the pool.");
        app.MapPost("/v1/score", app.Services.GetRequiredService<ScoreRoute>().ScoreAsync)
            .WithSummary("Log-probabilities of records under a model or a recipe; right score.");
        app.MapPost("/v1/completions", app.Services.GetRequiredService<CompletionRoute>().CompleteAsync)
            .WithSummary("OpenAI's completions, with a recipe in the request; right generate.");
        app.MapPost("/v1/chat/completions", app.Services.GetRequiredService<ChatRoute>().ChatAsync)
            .WithSummary("OpenAI's chat completions, with a recipe in the request; right generate.");
        app.Services.GetService<SessionRoutes>()?.Map(app);
    }
}
