using System.Text.Json;
using Cuvee.LanguageModels.Http;

namespace Cuvee.LanguageModels.LlamaCpp;

/// <summary>What a llama-server says of itself (<c>GET /props</c>, <c>/v1/models</c> and <c>/lora-adapters</c>).</summary>
/// <param name="Build">Such as <c>b1-de3ff81</c>.</param>
/// <param name="ModelPath">On the server's disk.</param>
/// <param name="Slots">Requests that it decodes together (<c>--parallel</c>).</param>
/// <param name="ContextLength">Of a slot, in tokens.</param>
/// <param name="Vocabulary">Tokens of the model.</param>
/// <param name="Adapters">In the order of their ids, which count from 0.</param>
public sealed record LlamaCppDescription(
    string Build, string ModelPath, int Slots, int ContextLength, int Vocabulary, IReadOnlyList<LlamaCppAdapter> Adapters)
{
    /// <exception cref="ServiceException">No such server, not ready, or a wrong key.</exception>
    public static async Task<LlamaCppDescription> ReadAsync(JsonService service, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(service);
        var adapters = await service.GetAsync("/lora-adapters", ReadAdapters, cancellationToken).ConfigureAwait(false);
        var vocabulary = await service.GetAsync(
            "/v1/models",
            answer => answer.Member("data").Items("data") is [var model, ..]
                ? model.Member("meta").Member("n_vocab").Integer("n_vocab")
                : throw new UnusableAnswerException("names no model"),
            cancellationToken).ConfigureAwait(false);
        return await service.GetAsync(
            "/props",
            props => new LlamaCppDescription(
                props.Member("build_info").Text("build_info"),
                props.Member("model_path").Text("model_path"),
                props.Member("total_slots").Integer("total_slots"),
                props.Member("default_generation_settings").Member("n_ctx").Integer("n_ctx"),
                vocabulary,
                adapters),
            cancellationToken).ConfigureAwait(false);
    }

    private static IReadOnlyList<LlamaCppAdapter> ReadAdapters(JsonElement answer) => [.. answer.Items("lora adapters").Select((entry, i) =>
        entry.Member("id").Integer("id") == i
            ? new LlamaCppAdapter(entry.Member("path").Text("path"), entry.Member("scale").GetDouble())
            : throw new UnusableAnswerException("does not count the adapters' ids from 0"))];
}

/// <param name="Path">As the server was given it.</param>
/// <param name="GlobalScale">For requests that name no scales.</param>
public sealed record LlamaCppAdapter(string Path, double GlobalScale);
