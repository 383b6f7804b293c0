using Cuvee.LanguageModels.Http;

namespace Cuvee.LanguageModels.Served;

/// <summary>What <c>cuvee serve</c> says of itself (<c>GET /v1/models</c> and <c>/v1/adapters</c>).</summary>
/// <param name="Model">Name of the base model.</param>
/// <param name="Fingerprint">Of base and pool; changes with any of their bytes.</param>
/// <param name="ContextLength">In tokens.</param>
/// <param name="Adapters">In ordinal order of name.</param>
public sealed record ServedDescription(string Model, string Fingerprint, int ContextLength, IReadOnlyList<ServedAdapter> Adapters)
{
    private const string Owner = "cuvee";

    /// <returns>Null where the server is of another kind.</returns>
    /// <exception cref="ServiceException">No such server, or a wrong key.</exception>
    public static async Task<ServedDescription?> ReadAsync(JsonService service, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(service);
        var described = await service.GetAsync(
            "/v1/models",
            answer => answer.Member("data").Items("data") is [var model, ..] && model.Find("owned_by") is { } owner
                && owner.Text("owned_by") == Owner
                ? new ServedDescription(
                    model.Member("id").Text("id"), model.Member("fingerprint").Text("fingerprint"),
                    model.Member("context_length").Integer("context_length"), [])
                : null,
            cancellationToken).ConfigureAwait(false);
        if (described is null) return null;
        var adapters = await service.GetAsync(
            "/v1/adapters",
            answer => answer.Member("data").Items("data").Select(adapter => new ServedAdapter(
                adapter.Member("name").Text("name"),
                [.. adapter.Member("ranks").Items("ranks").Select(rank => rank.Integer("ranks"))],
                [.. adapter.Member("layers").Items("layers").Select(layer => layer.Integer("layers"))])).ToList(),
            cancellationToken).ConfigureAwait(false);
        return described with { Adapters = [.. adapters.OrderBy(adapter => adapter.Name, StringComparer.Ordinal)] };
    }
}

/// <param name="Ranks">The different ones of its modules.</param>
/// <param name="Layers">That it adapts, 0-based.</param>
public sealed record ServedAdapter(string Name, IReadOnlyList<int> Ranks, IReadOnlyList<int> Layers);
