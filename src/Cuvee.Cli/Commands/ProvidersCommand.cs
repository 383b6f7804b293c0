using System.CommandLine;
using System.Text.Json.Nodes;
using Cuvee.CommandLine;
using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.Planning;
using Cuvee.Providers;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee providers check</c>: what a server is, can and leaks, and what a search on it would cost.</summary>
internal static class ProvidersCommand
{
    public static Command Create() => new("providers", "What searches can ask: servers and the embedded engine.") { Check() };

    private static ExampleCommand Check()
    {
        var target = new Argument<string>("target") { Description = "Address of a server (http://host:port), or a run file." };
        var keyVariable = new Option<string?>("--key-variable")
        {
            Description = "Environment variable that holds the key for an address; a run file names its own.",
            HelpName = "NAME",
        };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "check",
            "Ask a server a few cheap questions: version, adapters, limits, whether its answers leak between adapters. For a run file " +
                "also the plan and what it costs at most. Exit code 1 where no search can use the server.",
            "cuvee providers check samples/restaurant/run.yaml") { target, keyVariable, json };
        command.SetAction((arguments, cancellationToken) =>
        {
            var (output, asJson) = (arguments.InvocationConfiguration.Output, arguments.GetValue(json));
            var catalog = Catalog.Default.WithServices(new ServiceNetwork(TimeProvider.System));
            var name = arguments.GetRequiredValue(target);
            return Uri.TryCreate(name, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
                ? CheckAddressAsync(address!, arguments.GetValue(keyVariable), catalog, output, asJson, cancellationToken)
                : CheckRunAsync(name, catalog, output, asJson, cancellationToken);
        });
        return command;
    }

    private static async Task<int> CheckRunAsync(
        string file, Catalog catalog, TextWriter output, bool asJson, CancellationToken cancellationToken)
    {
        if (!File.Exists(file))
            throw new BadInputException($"{file}: there is no such run file, and an address begins with http:// or https://.");
        var plans = RunPlanner.Plan(RunConfiguration.Load(file, catalog), resume: true);
        ServerReport? report = null;
        try
        {
            if (plans[0].Configuration.Provider is IServedProvider served)
                report = await served.InspectAsync(plans[0].Text, cancellationToken);
        }
        catch (LanguageModelException exception)
        {
            throw new BadInputException($"{file}: {exception.Message}", exception);
        }

        if (report is not null) await WriteAsync(report, output, asJson);
        await new PlanSummary(plans).WriteAsync(output, asJson);
        return report?.Refusal is null ? ExitCode.Done : ExitCode.Failed;
    }

    private static async Task<int> CheckAddressAsync(
        Uri address, string? keyVariable, Catalog catalog, TextWriter output, bool asJson, CancellationToken cancellationToken)
    {
        var key = keyVariable is null
            ? null
            : ServiceKey.Of(keyVariable, problem => new BadInputException($"--key-variable {problem}"));
        using var service = new ServiceNetwork(TimeProvider.System).Connect(
            new JsonServiceSettings(address) { Key = key, AttemptTimeout = TimeSpan.FromSeconds(30), Attempts = 3 });
        var inspectors = catalog.Providers.OfType<IServerInspector>().ToList();
        try
        {
            foreach (var inspector in inspectors)
            {
                if (await inspector.InspectAsync(service, cancellationToken) is not { } report) continue;
                await WriteAsync(report, output, asJson);
                return report.Refusal is null ? ExitCode.Done : ExitCode.Failed;
            }
        }
        catch (LanguageModelException exception)
        {
            throw new BadInputException(exception.Message, exception);
        }

        var kinds = catalog.Providers.Where(provider => provider is IServerInspector).Select(provider => provider.Name);
        throw new BadInputException(
            $"{address}: is none of {string.Join(", ", kinds)}; check the address, and where its routes begin, or check a chat endpoint " +
            "through its run file: cuvee providers check run.yaml.");
    }

    private static Task WriteAsync(ServerReport report, TextWriter output, bool asJson)
    {
        if (asJson)
        {
            return output.WriteLineAsync(JsonOutput.Line(new
            {
                report.Kind,
                Facts = new JsonObject(report.Facts.Select(fact => KeyValuePair.Create(fact.Name, (JsonNode?)fact.Value))),
                report.Refusal,
                report.Doubt,
            }));
        }

        var lines = report.Facts.Select(fact => $"  {fact.Name}: {fact.Value}");
        if (report.Doubt is { } doubt) lines = lines.Append($"warning: {doubt}.");
        if (report.Refusal is { } refusal) lines = lines.Append($"no search can use it: {refusal}.");
        return output.WriteLineAsync(string.Join('\n', lines.Prepend(report.Kind)));
    }
}
