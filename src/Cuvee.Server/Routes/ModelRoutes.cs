using Cuvee.Server.Engine;
using Cuvee.Server.Http;

namespace Cuvee.Server.Routes;

/// <summary>What can be asked: names and sizes, no weight and no path.</summary>
internal sealed class ModelRoutes(ServedPool served)
{
    public Task ListModelsAsync(HttpContext context) => JsonReply.WriteAsync(
        context,
        new { Object = "list", Data = (object[])[BaseModel, .. served.Adapters.Select(adapter => Adapted(adapter.Name))] },
        context.RequestAborted);

    public Task GetModelAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        if (served.Find(id) is null)
            throw ServiceException.NotFound($"There is no model '{id}'; GET /v1/models lists those that there are.");
        return JsonReply.WriteAsync(context, id == served.Name ? BaseModel : Adapted(id), context.RequestAborted);
    }

    public Task ListAdaptersAsync(HttpContext context) => JsonReply.WriteAsync(
        context,
        new
        {
            Object = "list",
            Data = served.Adapters.Select(adapter => new { adapter.Name, adapter.Ranks, adapter.Modules, adapter.Layers }),
        },
        context.RequestAborted);

    private object BaseModel => new
    {
        Id = served.Name,
        Object = "model",
        Created = 0,
        OwnedBy = "cuvee",
        ContextLength = served.Config.MaxPositionEmbeddings,
        served.Fingerprint,
    };

    private object Adapted(string name) => new { Id = name, Object = "model", Created = 0, OwnedBy = "cuvee", Parent = served.Name };
}
