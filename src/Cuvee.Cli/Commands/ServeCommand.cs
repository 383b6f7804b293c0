using System.CommandLine;
using System.Net.Sockets;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.LanguageModels.Chat;
using Cuvee.Server;
using Cuvee.Server.Dialects;
using Cuvee.Server.Keys;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee serve</c>: the base model and its pool as a service.</summary>
internal static class ServeCommand
{
    private const int MostSeconds = 4_000_000; // a timer holds 2^32 milliseconds

    public static Command Create()
    {
        var model = new Option<string?>("--model")
        {
            Description = "Folder of the base model, or a .gguf file.",
            HelpName = "DIR",
        };
        var pool = new Option<string?>("--pool") { Description = "Folder of adapters, one a sub-folder.", HelpName = "DIR" };
        var name = Text("--name", "Id of the base model for callers.", "base");
        var url = Text("--url", "Where to listen; port 0 takes a free one.", "http://127.0.0.1:8080");
        var keys = new Option<string?>("--keys")
        {
            Description = "File of the keys that may ask; without it everyone may, from this machine.",
            HelpName = "FILE",
        };
        var createKey = new Option<string?>("--create-key")
        {
            Description = "Add a key of this name to --keys, print it once and end.",
            HelpName = "NAME",
        };
        var template = new Option<string?>("--template")
        {
            Description = $"Template of chats that name none: auto (the model's own; the default), {ChatTemplates.Names}.",
            HelpName = "NAME",
        };
        var maxBody = Number("--max-body", "Largest request in bytes.", 8 << 20);
        var requestTime = Number("--request-time", "Longest time of a request in seconds, waiting included.", 300, MostSeconds);
        var drainTime = Number("--drain-time", "Seconds that requests under way get when the server is stopped.", 30, MostSeconds);
        var maxWaiting = Number("--max-waiting", "Requests that may wait for the engine; more are told to come back.", 256);
        var batchTokens = Number("--batch-tokens", "Tokens of requests that share one call of the engine.", 16384);
        var data = new Option<string?>("--data")
        {
            Description = "Folder of data sets, one record file each: opens the routes of sessions (docs/serve.md).",
            HelpName = "DIR",
        };
        var work = new Option<string?>("--work")
        {
            Description = "Where sessions keep adapters and searches; needs --data.",
            HelpName = "DIR",
        };
        var maxSessions = Number("--max-sessions", "Sessions that a key may have open.", 4);
        var sessionIdle = Number("--session-idle", "Seconds after which a session that nobody asks is closed.", 3600, MostSeconds);
        var searchTime = Number("--search-time", "Longest time of a session's search in seconds.", 3600, MostSeconds);
        var dialect = new Option<string?>("--dialect")
        {
            Description = $"Speak another server's wire format in place of our own routes: {string.Join(", ", ServerDialect.All)}.",
            HelpName = "NAME",
        };
        var exchange = new Option<string?>("--exchange")
        {
            Description = "Folder shared with callers, from which dialects vllm and sglang load adapters.",
            HelpName = "DIR",
        };
        var maxRank = Number("--max-rank", "Largest rank of an adapter that is loaded from --exchange.", 16);
        var fault = new Option<string[]>("--fault")
        {
            Description = $"Do something wrong on purpose, to try clients: {string.Join(", ", ServerFault.All)}. May be repeated.",
            HelpName = "NAME",
        };
        var otlp = new Option<string?>("--otlp")
        {
            Description = "Send metrics to this OpenTelemetry collector (OTLP over HTTP), once a minute and at the end.",
            HelpName = "URL",
        };
        var logPrompts = new Option<bool>("--log-prompts")
        {
            Description = "Write requests into the log; without it only who, what and how long.",
        };
        var allowDifferentBases = ModelSelection.AllowDifferentBasesOption();
        var command = new ExampleCommand(
            "serve",
            "Serve a base model and its pool over HTTP: OpenAI's routes, scores, and any recipe by request. Ctrl-C stops it.",
            "cuvee serve --keys keys.json --create-key alice",
            "cuvee serve --model zoo/base --pool zoo/adapters --keys keys.json",
            "cuvee serve --model zoo/base --pool zoo/adapters --data samples/restaurant --work runs/sessions",
            "cuvee serve --model zoo/base --pool zoo/adapters --dialect llama.cpp")
        {
            model, pool, name, url, keys, createKey, template, maxBody, requestTime, drainTime, maxWaiting, batchTokens, data, work,
            maxSessions, sessionIdle, searchTime, dialect, exchange, maxRank, fault, otlp, logPrompts, allowDifferentBases,
        };
        command.Validators.Add(arguments =>
        {
            var creates = arguments.GetResult(createKey) is not null;
            if (creates && arguments.GetResult(keys) is null) arguments.AddError("--create-key needs --keys.");
            if (!creates && (arguments.GetResult(model) is null || arguments.GetResult(pool) is null))
                arguments.AddError("serve needs --model and --pool.");
            if (arguments.GetResult(data) is null != arguments.GetResult(work) is null)
                arguments.AddError("--data and --work go together: data sets, and the folder where sessions keep what they make.");
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var output = arguments.InvocationConfiguration.Output;
            if (arguments.GetValue(createKey) is { } keyName)
            {
                await output.WriteLineAsync(KeyFile.Create(arguments.GetRequiredValue(keys)!, keyName));
                return ExitCode.Done;
            }

            var options = new ServerOptions
            {
                Model = arguments.GetRequiredValue(model)!,
                Pool = arguments.GetRequiredValue(pool)!,
                Name = arguments.GetRequiredValue(name),
                Url = arguments.GetRequiredValue(url),
                KeysFile = arguments.GetValue(keys),
                Template = arguments.GetValue(template),
                AllowDifferentBases = arguments.GetValue(allowDifferentBases),
                MaxBodyBytes = arguments.GetValue(maxBody),
                RequestTime = TimeSpan.FromSeconds(arguments.GetValue(requestTime)),
                DrainTime = TimeSpan.FromSeconds(arguments.GetValue(drainTime)),
                MaxWaiting = arguments.GetValue(maxWaiting),
                BatchTokens = arguments.GetValue(batchTokens),
                DataFolder = arguments.GetValue(data),
                WorkFolder = arguments.GetValue(work),
                MaxSessions = arguments.GetValue(maxSessions),
                SessionIdle = TimeSpan.FromSeconds(arguments.GetValue(sessionIdle)),
                SearchTime = TimeSpan.FromSeconds(arguments.GetValue(searchTime)),
                Dialect = arguments.GetValue(dialect),
                Exchange = arguments.GetValue(exchange),
                MaxRank = arguments.GetValue(maxRank),
                Faults = arguments.GetValue(fault) ?? [],
                Telemetry = arguments.GetValue(otlp),
                LogPrompts = arguments.GetValue(logPrompts),
            };
            await ServeAsync(options, ModelSelection.Warn(arguments), output, cancellationToken);
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task ServeAsync(
        ServerOptions options, Action<string> warn, TextWriter output, CancellationToken cancellationToken)
    {
        await using var app = CuveeServer.Create(options, TimeProvider.System, warn, builder => builder.Logging
            .AddJsonConsole().AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None) // of a start that fails; the command says why
            .Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
                console => console.LogToStandardErrorThreshold = LogLevel.Trace));
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            throw new BadInputException(
                $"--url: cannot listen on {options.Url} ({exception.Message.TrimEnd('.')}); choose a free port on an address of this " +
                "machine.", exception);
        }

        await output.WriteLineAsync($"listening on {app.Urls.First()}");
        await output.FlushAsync(cancellationToken);
        var stopped = new TaskCompletionSource();
        await using (cancellationToken.Register(stopped.SetResult)) await stopped.Task;
        await app.StopAsync(CancellationToken.None);
    }

    private static Option<string> Text(string name, string description, string value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value, HelpName = "TEXT" };

    private static Option<int> Number(string name, string description, int value, int most = int.MaxValue) =>
        new Option<int>(name) { Description = description, DefaultValueFactory = _ => value, HelpName = "N" }.InRange(1, most);
}
