using Cuvee.LanguageModels.Http;

namespace Cuvee.Providers;

/// <summary>What a server said of itself and what a few requests showed.</summary>
/// <param name="Kind">Name of the provider that can use it, such as <c>llama.cpp</c>.</param>
/// <param name="Facts">Version, model, limits and measurements, by name, in the order to be shown.</param>
/// <param name="Refusal">Why no search can use it; null: one can.</param>
/// <param name="Doubt">What its owner should know all the same; null: nothing.</param>
public sealed record ServerReport(string Kind, IReadOnlyList<(string Name, string Value)> Facts, string? Refusal, string? Doubt);

/// <summary>Recognises a kind of server at an address of which nothing else is known.</summary>
public interface IServerInspector
{
    /// <summary>Asks a few cheap requests, some of which the server answers by its model.</summary>
    /// <returns>Null where the server is of another kind.</returns>
    /// <exception cref="LanguageModelException">It is of this kind, and failed.</exception>
    Task<ServerReport?> InspectAsync(JsonService service, CancellationToken cancellationToken);
}

/// <summary>A provider behind an address.</summary>
public interface IServedProvider : IProvider
{
    /// <param name="rules">How the run writes its texts.</param>
    /// <exception cref="LanguageModelException">The server failed.</exception>
    Task<ServerReport> InspectAsync(TextRules rules, CancellationToken cancellationToken);
}
