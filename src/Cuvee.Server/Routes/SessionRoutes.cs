using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;
using Cuvee.Server.Keys;
using Cuvee.Server.Sessions;

namespace Cuvee.Server.Routes;

/// <summary>
/// The routes of Evo-Merging's own service (arXiv 2509.12951, released code): their client works here. What are paths there are ids here.
/// </summary>
internal sealed class SessionRoutes(
    ServedPool served, DataSets data, SessionStore sessions, SessionWork work, ServerOptions options)
{
    public void Map(WebApplication app)
    {
        app.MapGet("/v1/presets", Guarded(ListPresetsAsync)).WithSummary("Data sets over the whole pool; right sessions, as all of these.");
        app.MapPost("/v1/sessions", Guarded(OpenAsync)).WithSummary("Opens a session.");
        app.MapGet("/v1/sessions/{id}", Guarded((context, tenant) => UseAsync(
            context, tenant, session => JsonReply.WriteAsync(context, Told(session), context.RequestAborted)))).WithSummary("A session.");
        app.MapDelete("/v1/sessions/{id}", Guarded(CloseAsync)).WithSummary("Closes a session and removes what it made.");
        app.MapPost("/v1/sessions/{id}/materialize", Guarded(MaterializeAsync)).WithSummary("Writes a merged adapter.");
        app.MapPost("/v1/sessions/{id}/evaluate", Guarded(EvaluateAsync)).WithSummary("Loss of a merged adapter.");
        app.MapPost("/v1/sessions/{id}/optimize", Guarded(OptimizeAsync)).WithSummary("Searches for the best one.");
    }

    private Task ListPresetsAsync(HttpContext context, Tenant tenant) => JsonReply.WriteAsync(
        context,
        new
        {
            Items = data.Names.Select(name => new
            {
                PresetId = name,
                ModelNameOrPath = served.Name,
                AdapterCount = work.Adapters,
                Adapters = served.Adapters.Select(adapter => adapter.Name),
                QueryPlus = Preset(name),
            }),
        },
        context.RequestAborted);

    private async Task OpenAsync(HttpContext context, Tenant tenant)
    {
        using var document = await ReadAsync(context).ConfigureAwait(false);
        var root = document.Root;
        root.RequireOnly("preset_id", "model_name_or_path", "query_plus");
        var preset = root["preset_id"].Text();
        if (!data.Names.Contains(preset))
            throw ServiceException.NotFound($"There is no preset '{preset}'; GET /v1/presets lists those that there are.");
        if (root.Find("model_name_or_path")?.Text() is { } model && model != served.Name)
            throw ServiceException.NotFound($"There is no base model '{model}' here; it is '{served.Name}'.");
        var query = Preset(preset).With(root.Find("query_plus"));
        data.PathOf(query.Dataset);
        await JsonReply.WriteAsync(context, Told(sessions.Open(tenant, preset, query)), context.RequestAborted).ConfigureAwait(false);
    }

    private Task CloseAsync(HttpContext context, Tenant tenant)
    {
        sessions.Close(tenant, IdOf(context));
        return JsonReply.WriteAsync(context, new { Status = "closed" }, context.RequestAborted);
    }

    private async Task MaterializeAsync(HttpContext context, Tenant tenant)
    {
        using var document = await ReadAsync(context).ConfigureAwait(false);
        await UseAsync(context, tenant, async session =>
        {
            var folder = await work.MaterializeAsync(session, Candidate(document.Root), context.RequestAborted).ConfigureAwait(false);
            await JsonReply.WriteAsync(context, new { AdapterDir = folder, Session = Told(session) }, context.RequestAborted)
                .ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async Task EvaluateAsync(HttpContext context, Tenant tenant)
    {
        using var document = await ReadAsync(context).ConfigureAwait(false);
        await UseAsync(context, tenant, async session =>
        {
            var candidate = Candidate(document.Root);
            var loss = await work.EvaluateAsync(session, candidate, context.RequestAborted).ConfigureAwait(false);
            var folder = await work.MaterializeAsync(session, candidate, context.RequestAborted).ConfigureAwait(false);
            await JsonReply.WriteAsync(context, new { Loss = loss, AdapterDir = folder }, context.RequestAborted).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async Task OptimizeAsync(HttpContext context, Tenant tenant)
    {
        using var document = await ReadAsync(context).ConfigureAwait(false);
        context.Features.GetRequiredFeature<RequestLimit>().Set(options.SearchTime, "ask the same again and the search goes on");
        await UseAsync(context, tenant, async session =>
        {
            document.Root.RequireOnly("query_plus");
            var query = session.Query.With(document.Root.Find("query_plus"));
            var result = await work.OptimizeAsync(session, query, context.RequestAborted).ConfigureAwait(false);
            await JsonReply.WriteAsync(context, result, context.RequestAborted).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private Task UseAsync(HttpContext context, Tenant tenant, Func<Session, Task> use) =>
        sessions.UseAsync(tenant, IdOf(context), use, context.RequestAborted);

    private static string IdOf(HttpContext context) => (string)context.Request.RouteValues["id"]!;

    private Task<JsonFile> ReadAsync(HttpContext context) =>
        RequestDocument.ReadAsync(context, options.MaxBodyBytes, context.RequestAborted);

    /// <summary>The key's right first; and no path of the server in a sentence of the engine of runs.</summary>
    private RequestDelegate Guarded(Func<HttpContext, Tenant, Task> answer) => async context =>
    {
        var tenant = context.Features.GetRequiredFeature<Tenant>();
        tenant.Require(KeyRights.Sessions);
        try
        {
            await answer(context, tenant).ConfigureAwait(false);
        }
        catch (BadInputException exception)
        {
            var sentence = exception.Message.Replace(sessions.Folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal)
                .Replace(data.Folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);
            throw new BadInputException(sentence, exception);
        }
    };

    private SessionCandidate Candidate(JsonField root)
    {
        root.RequireOnly("alpha", "beta", "tag");
        var tag = root.Find("tag")?.Text() ?? "manual";
        if (tag.Length > 64 || tag.StartsWith('.') || !tag.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') || tag == "")
            throw root["tag"].Error("must be 1 to 64 letters, digits, '-', '_' and '.', and begin with none of the last");
        var (alpha, beta) = (Numbers(root["alpha"], 0), Numbers(root["beta"], double.NegativeInfinity));
        if (alpha.Any(value => value > 1)) throw root["alpha"].Error("has a keep fraction above 1; they lie in [0, 1]");
        return new SessionCandidate(alpha, beta, tag);
    }

    private List<double> Numbers(JsonField field, double minimum)
    {
        List<double> values = [.. field.Items().Select(item => item.Number(minimum))];
        return values.Count == work.Adapters
            ? values
            : throw field.Error($"has {values.Count} numbers; the session has {work.Adapters} adapters, in the order of GET /v1/presets");
    }

    private static QueryPlus Preset(string name) => new() { Dataset = name };

    private object Told(Session session) => new
    {
        SessionId = session.Id,
        session.PresetId,
        Workdir = session.Id,
        ModelNameOrPath = served.Name,
        QueryPlus = session.Query,
        AdapterCount = work.Adapters,
    };
}
