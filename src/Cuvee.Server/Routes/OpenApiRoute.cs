using Cuvee.Server.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;

namespace Cuvee.Server.Routes;

/// <summary>
/// <c>GET /openapi.json</c>: the routes that are really mapped, each with its summary. Bodies are read field by field and described in
/// docs/serve.md, so that the document names them as objects and repeats no schema.
/// </summary>
internal sealed class OpenApiRoute(IEnumerable<EndpointDataSource> sources, ServerOptions options)
{
    private static readonly string[] WithBody = ["POST", "PUT"];

    public Task DescribeAsync(HttpContext context)
    {
        var paths = new SortedDictionary<string, object>(StringComparer.Ordinal);
        var routes = sources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Where(route => route.Metadata.GetMetadata<IEndpointSummaryMetadata>() is not null);
        foreach (var path in routes.GroupBy(route => route.RoutePattern.RawText!, StringComparer.Ordinal))
        {
            paths.Add(path.Key, path.SelectMany(
                    route => route.Metadata.GetRequiredMetadata<IHttpMethodMetadata>().HttpMethods, (route, method) => (route, method))
                .ToDictionary(pair => pair.method.ToLowerInvariant(), pair => Operation(pair.route, pair.method)));
        }

        var document = new Dictionary<string, object>
        {
            ["openapi"] = "3.1.0",
            ["info"] = new { Title = "cuvee serve", Version = Runs.RunIdentity.Version },
            ["paths"] = paths,
        };
        if (options.KeysFile is not null)
        {
            document["components"] = new Dictionary<string, object>
            {
                ["securitySchemes"] = new Dictionary<string, object> { ["key"] = new { Type = "http", Scheme = "bearer" } },
            };
            document["security"] = new object[] { new Dictionary<string, string[]> { ["key"] = [] } };
        }

        return JsonReply.WriteAsync(context, document, context.RequestAborted);
    }

    private static Dictionary<string, object> Operation(RouteEndpoint route, string method)
    {
        var json = new Dictionary<string, object> { ["application/json"] = new { Schema = new { Type = "object" } } };
        var operation = new Dictionary<string, object>
        {
            ["summary"] = route.Metadata.GetRequiredMetadata<IEndpointSummaryMetadata>().Summary,
            ["responses"] = new Dictionary<string, object>
            {
                ["200"] = new { Description = "the answer" },
                ["default"] = new { Description = "one sentence that says what is wrong", Content = json },
            },
        };
        if (WithBody.Contains(method)) operation["requestBody"] = new { Required = true, Content = json };
        if (route.RoutePattern.Parameters.Count > 0)
        {
            operation["parameters"] = route.RoutePattern.Parameters.Select(parameter => new
            {
                parameter.Name,
                In = "path",
                Required = true,
                Schema = new { Type = "string" },
            });
        }

        return operation;
    }
}
