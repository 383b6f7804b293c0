using System.Net;
using Cuvee.Formats;

namespace Cuvee.Server.Http;

/// <summary>Where the server listens, and whether others can reach it there.</summary>
internal static class ListenAddress
{
    /// <returns>Host and port as they were checked: Kestrel reads addresses differently, several between semicolons among them.</returns>
    /// <exception cref="BadInputException">No such address, or without keys one that is open to other machines.</exception>
    public static string Of(ServerOptions options)
    {
        if (!Uri.TryCreate(options.Url, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttp || options.Url.Contains(';')
            || url.UserInfo + url.Fragment != "" || url.PathAndQuery != "/")
        {
            throw new BadInputException(
                $"--url: '{options.Url}' is no address to listen on; give http, a host and a port, such as http://127.0.0.1:8080.");
        }

        if (options.KeysFile is null && !IsLoopback(url.Host))
            throw new BadInputException($"--url: {options.Url} is open to other machines; give --keys FILE, or listen on 127.0.0.1.");
        if (!url.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) && !IPAddress.TryParse(url.Host.Trim('[', ']'), out _))
        {
            throw new BadInputException( // Kestrel would listen on every address
                $"--url: {url.Host} is a name; give the address of this machine to listen on, or 0.0.0.0 for all of them.");
        }

        if (url is { Host: "localhost", Port: 0 })
            throw new BadInputException("--url: localhost cannot take a free port; give http://127.0.0.1:0.");
        return url.GetLeftPart(UriPartial.Authority);
    }

    public static bool IsLoopback(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
