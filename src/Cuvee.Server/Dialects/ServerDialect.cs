using Cuvee.Formats;

namespace Cuvee.Server.Dialects;

/// <summary>Servers whose wire format the service can speak, so that clients written for them can be tried without them.</summary>
public static class ServerDialect
{
    public const string Vllm = "vllm";
    public const string Sglang = "sglang";
    public const string LlamaCpp = "llama.cpp";

    public static IReadOnlyList<string> All { get; } = [Vllm, Sglang, LlamaCpp];

    /// <exception cref="BadInputException">No such dialect or fault, or what the dialect needs is missing.</exception>
    internal static void Check(ServerOptions options)
    {
        if (options.Dialect is not { } dialect)
        {
            if (options.Faults.Count > 0) throw new BadInputException("--fault needs --dialect; our own routes have none to switch on.");
            return;
        }

        if (!All.Contains(dialect)) throw new BadInputException($"--dialect: there is no '{dialect}'; choose {string.Join(", ", All)}.");
        if (options.Faults.FirstOrDefault(fault => !ServerFault.All.Contains(fault)) is { } unknown)
            throw new BadInputException($"--fault: there is no '{unknown}'; choose {string.Join(", ", ServerFault.All)}.");
        if (dialect == LlamaCpp && options.Faults.Contains(ServerFault.RankLimit))
            throw new BadInputException("--fault: llama.cpp takes no uploads, so that 'rank-limit' is none of its faults; leave it out.");
        if (dialect != LlamaCpp && !Directory.Exists(options.Exchange))
            throw new BadInputException($"--dialect {dialect} needs --exchange, a folder shared with the callers, who put adapters there.");
        if (options.DataFolder is not null) throw new BadInputException("--data goes with our own routes; leave out it or --dialect.");
    }
}
