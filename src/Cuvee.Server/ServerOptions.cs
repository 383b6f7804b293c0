namespace Cuvee.Server;

/// <summary>What <c>cuvee serve</c> serves, where, and how much of it.</summary>
public sealed record ServerOptions
{
    /// <summary>Folder of the base model, or a .gguf file.</summary>
    public required string Model { get; init; }

    /// <summary>Folder of adapters, one a sub-folder.</summary>
    public required string Pool { get; init; }

    /// <summary>Id of the base model.</summary>
    public string Name { get; init; } = "base";

    /// <summary>Where to listen; port 0 takes a free one.</summary>
    public string Url { get; init; } = "http://127.0.0.1:8080";

    /// <summary>Keys that may ask (<see cref="Keys.KeyFile"/>); null: everyone, and only on the loopback address.</summary>
    public string? KeysFile { get; init; }

    /// <summary>Template of chats that name none; null: the model's own.</summary>
    public string? Template { get; init; }

    public bool AllowDifferentBases { get; init; }

    /// <summary>Largest request body.</summary>
    public long MaxBodyBytes { get; init; } = 8 << 20;

    /// <summary>Time that a request may take, waiting included.</summary>
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Time that requests under way get when the server stops.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Requests that may wait for the engine.</summary>
    public int MaxWaiting { get; init; } = 256;

    /// <summary>Tokens of requests that share one call of the engine; a larger request goes alone.</summary>
    public int BatchTokens { get; init; } = 16384;

    /// <summary>Address of an OpenTelemetry collector (OTLP over HTTP, such as http://127.0.0.1:4318); null: none.</summary>
    public string? Telemetry { get; init; }

    /// <summary>Data sets of sessions, one record file each; null: no sessions.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Where sessions keep adapters and searches; given with <see cref="DataFolder"/>.</summary>
    public string? WorkFolder { get; init; }

    /// <summary>Open sessions of a key whose entry says nothing.</summary>
    public int MaxSessions { get; init; } = 4;

    /// <summary>A session that nobody asks for so long is closed.</summary>
    public TimeSpan SessionIdle { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Time that a session's search may take; it can be asked to go on.</summary>
    public TimeSpan SearchTime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Another server's wire format in place of our own routes (<see cref="Dialects.ServerDialect"/>); null: our own.</summary>
    public string? Dialect { get; init; }

    /// <summary>What the server shall do wrong (<see cref="Dialects.ServerFault"/>); only with <see cref="Dialect"/>.</summary>
    public IReadOnlyList<string> Faults { get; init; } = [];

    /// <summary>Folder that callers share, from which dialects vllm and sglang load adapters; null: none.</summary>
    public string? Exchange { get; init; }

    /// <summary>Of an uploaded adapter; vLLM's default.</summary>
    public int MaxRank { get; init; } = 16;

    /// <summary>Request bodies in the log.</summary>
    public bool LogPrompts { get; init; }
}
