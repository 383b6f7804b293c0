using System.Text.Json.Nodes;
using Cuvee.Tests.LanguageModels.Http;

namespace Cuvee.Tests.Providers;

/// <summary>Speaks llama-server's JSON over a model that can be reasoned about: a token's log-probability moves with the scales, best where
/// the first adapter is near 1 and the others are near 0.</summary>
internal sealed class FakeLlamaServer(int vocabulary)
{
    private readonly Lock gate = new();

    public List<string> Adapters { get; } =
        ["pool/adapter-a.gguf", "pool/adapter-b.gguf", "pool/adapter-b@0.5.gguf", "pool/adapter-c.gguf"];

    /// <summary>Bodies of answered completions.</summary>
    public List<JsonNode> Asked { get; } = [];

    public int Vocabulary { get; set; } = vocabulary;

    /// <summary>How strongly scales matter.</summary>
    public double LostByScale { get; set; } = 0.1;

    /// <summary>Part of the last answer to a prompt that shows in the next one.</summary>
    public double ReusedPrompts { get; set; }

    public bool Ends { get; set; } = true;

    public static IEnumerable<double> Scales(JsonNode body) =>
        body["lora"]!.AsArray().Select(entry => entry!["scale"]!.GetValue<double>());

    public HttpResponseMessage Answer(HttpRequestMessage request, JsonNode? body) =>
        ScriptedHandler.Json(request.RequestUri!.AbsolutePath switch
        {
            "/lora-adapters" => new JsonArray([.. Adapters.Select((path, id) =>
                (JsonNode)new JsonObject { ["id"] = id, ["path"] = path, ["scale"] = 0.0 })]).ToJsonString(),
            "/v1/models" => $$$"""{"data":[{"id":"base.gguf","meta":{"n_vocab":{{{Vocabulary}}}}}]}""",
            "/props" => """
                {"build_info":"b1-test","model_path":"/srv/base.gguf","total_slots":2,"default_generation_settings":{"n_ctx":128}}
                """,
            "/completion" => Complete(body!).ToJsonString(),
            var path => throw new InvalidOperationException(path),
        });

    private JsonObject Complete(JsonNode body)
    {
        double Shift(JsonNode of, int id)
        {
            var scales = of["lora"] is null ? Adapters.Select(_ => 0.0) : Scales(of);
            return -LostByScale * scales.Select((scale, adapter) =>
            {
                var distance = scale - (adapter == 0 ? 1 : 0) - (0.1 * Math.Sin(id + adapter));
                return (adapter + 1) * distance * distance;
            }).Sum();
        }

        lock (gate)
        {
            var last = Asked.LastOrDefault(other => JsonNode.DeepEquals(other["prompt"], body["prompt"]));
            Asked.Add(body);
            var closing = body["logit_bias"]?[0]![0]!.GetValue<int>();
            var forced = (body["grammar"]?.GetValue<string>()[9..].Split(' ') ?? []).Select(id => int.Parse(id[2..^2]));
            return new JsonObject
            {
                ["content"] = "",
                ["stop_type"] = Ends ? "eos" : "limit",
                ["timings"] = new JsonObject { ["cache_n"] = 0 },
                ["completion_probabilities"] = new JsonArray([.. forced.Append(closing ?? 1).Select(id => (JsonNode)new JsonObject
                {
                    ["id"] = id,
                    ["logprob"] = -1 + Shift(body, id) + (last is null ? 0 : ReusedPrompts * Shift(last, id)),
                })]),
            };
        }
    }
}
