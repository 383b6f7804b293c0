namespace Cuvee.Server.Keys;

/// <summary>Finds the tenant of a request by its key; without keys all are one.</summary>
internal sealed class Tenants
{
    private readonly Dictionary<string, Tenant>? byHash; // null: no keys
    private readonly Tenant everyone;

    public Tenants(IReadOnlyList<KeyEntry>? keys, TimeProvider time)
    {
        everyone = new Tenant(new KeyEntry("everyone", ""), time);
        byHash = keys?.ToDictionary(entry => entry.Sha256, entry => new Tenant(entry, time), StringComparer.Ordinal);
    }

    /// <exception cref="ServiceException">No key, or an unknown one.</exception>
    public Tenant Of(HttpRequest request)
    {
        if (byHash is null) return everyone;
        const string scheme = "Bearer ";
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)
            && byHash.TryGetValue(KeyFile.Hash(header[scheme.Length..].Trim()), out var tenant)
                ? tenant
                : throw ServiceException.Unauthorized();
    }
}
