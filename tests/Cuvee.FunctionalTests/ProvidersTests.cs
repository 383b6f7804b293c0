using System.Net;
using System.Net.Sockets;
using Cuvee.CommandLine;

namespace Cuvee.FunctionalTests;

public sealed class ProvidersTests
{
    /// <summary>A chat endpoint has no route by which it could be recognised.</summary>
    [Fact]
    public async Task Check_AddressOfAnUnknownServer_NamesTheRunFileForChat()
    {
        using var server = Listen();
        var answering = AnswerNotFoundAsync(server);
        var run = await CuveeRun.InProcessAsync("providers", "check", server.Prefixes.Single());
        server.Stop();
        await answering;
        Assert.Equal((ExitCode.BadInput, ""), (run.Code, run.Output));
        Assert.EndsWith(
            "or check a chat endpoint through its run file: cuvee providers check run.yaml.", run.Error.TrimEnd(), StringComparison.Ordinal);
    }

    private static HttpListener Listen()
    {
        int port;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            port = ((IPEndPoint)free.LocalEndpoint).Port;
        }

        var listener = new HttpListener();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        return listener;
    }

    private static async Task AnswerNotFoundAsync(HttpListener server)
    {
        try
        {
            while (true)
            {
                var context = await server.GetContextAsync();
                context.Response.StatusCode = 404;
                context.Response.Close();
            }
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
        {
        }
    }
}
