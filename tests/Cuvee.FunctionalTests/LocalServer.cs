using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cuvee.FunctionalTests;

/// <summary>Answers requests on this machine, one after the other, as it was told to answer the first, the second ...</summary>
internal sealed class LocalServer : IAsyncDisposable
{
    private readonly HttpListener listener = new();
    private readonly Task answering;

    public LocalServer(Func<int, (int Status, string Json)> answer)
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Address = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/";
        }

        listener.Prefixes.Add(Address);
        listener.Start();
        answering = AnswerAsync(answer);
    }

    public string Address { get; }

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await answering;
        listener.Close();
    }

    private async Task AnswerAsync(Func<int, (int Status, string Json)> answer)
    {
        try
        {
            for (var i = 0; ; i++)
            {
                var context = await listener.GetContextAsync();
                var (status, json) = answer(i);
                context.Response.StatusCode = status;
                await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(json));
                context.Response.Close();
            }
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
        {
        }
    }
}
