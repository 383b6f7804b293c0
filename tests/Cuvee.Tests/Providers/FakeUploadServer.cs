using System.Net;
using System.Text.Json.Nodes;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Tests.LanguageModels.Http;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Providers;

/// <summary>Speaks vLLM's and SGLang's routes over the embedded engine, on whatever adapter files it is given; its faults can be switched
/// on.</summary>
internal sealed class FakeUploadServer(TinyZoo zoo) : IDisposable
{
    private readonly Lock gate = new();
    private readonly ModelFolder model = ModelFolder.Open(zoo.ModelFolder);
    private readonly LlamaEngine engine = new(zoo.Config, 1);
    private readonly Dictionary<string, LlamaWeights> loaded = [];
    private LlamaWeights? first;

    public HashSet<string> EverLoaded { get; } = [];

    public IReadOnlyCollection<string> Loaded => loaded.Keys;

    /// <summary>Answers by the base model under any name.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Answers by the first adapter that was ever loaded, under any adapter's name.</summary>
    public bool IsStale { get; set; }

    public int MaxRank { get; set; } = 64;

    /// <summary>Answers nothing but 503.</summary>
    public bool IsDying { get; set; }

    /// <summary>Requests answered so.</summary>
    public int Dropped { get; private set; }

    public void Dispose() => engine.Dispose();

    public HttpResponseMessage Answer(HttpRequestMessage request, JsonNode? body)
    {
        lock (gate)
        {
            if (IsDying)
            {
                Dropped++;
                return Refuse(503, "out of memory");
            }

            return request.RequestUri!.AbsolutePath switch
            {
                "/version" => ScriptedHandler.Json("""{"version":"0.28.1"}"""),
                "/v1/models" => ScriptedHandler.Json("""{"data":[{"id":"tiny","parent":null,"max_model_len":128}]}"""),
                "/get_model_info" => ScriptedHandler.Json("""{"model_path":"/srv/tiny"}"""),
                "/v1/load_lora_adapter" => Load(body!, "Success: added."),
                "/load_lora_adapter" => Load(body!, """{"success":true}"""),
                "/v1/unload_lora_adapter" or "/unload_lora_adapter" => loaded.Remove(Text(body!, "lora_name"))
                    ? ScriptedHandler.Json("""{"success":true}""")
                    : Refuse(404, "not loaded"),
                "/v1/completions" => Text(body!, "model") is var name && name != "tiny" && !loaded.ContainsKey(name)
                    ? Refuse(404, $"The model '{name}' does not exist.")
                    : Vllm(Ids(body!, "prompt"), Score(name == "tiny" ? null : name, Ids(body!, "prompt"))),
                "/generate" => Sglang(
                    Ids(body!, "input_ids"), Score(body!["lora_path"]?.GetValue<string>(), Ids(body!, "input_ids")),
                    body!["logprob_start_len"]!.GetValue<int>()),
                var path => Refuse(404, path),
            };
        }
    }

    private HttpResponseMessage Load(JsonNode body, string done)
    {
        var adapter = PeftReader.Read(Text(body, "lora_path"));
        if (adapter.Config.Rank > MaxRank) return Refuse(400, $"LoRA rank {adapter.Config.Rank} is greater than max_lora_rank {MaxRank}.");
        if (!EverLoaded.Add(Text(body, "lora_name"))) return Refuse(400, "has already been loaded");
        var folder = Path.Combine(zoo.Folder, "served-" + EverLoaded.Count);
        FoldedModel.Write(
            model, new RecipeMerger(new AdapterPool([adapter])),
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare(adapter.Name, 1)]), folder, TensorType.F32);
        loaded[Text(body, "lora_name")] = LlamaWeights.FromTensors(zoo.Config, ModelFolder.Open(folder).ReadTensors());
        first ??= loaded[Text(body, "lora_name")];
        return ScriptedHandler.Json(done);
    }

    private float[] Score(string? adapter, int[] ids)
    {
        var weights = adapter is null || IsSilent ? LlamaWeights.FromTensors(zoo.Config, model.ReadTensors())
            : IsStale ? first!
            : loaded[adapter];
        return engine.ScoreTokens(weights, null, [new TokenizedRecord("r", ids, 1)])[0];
    }

    private static HttpResponseMessage Vllm(int[] ids, float[] scores) => ScriptedHandler.Json(new JsonObject
    {
        ["choices"] = new JsonArray(new JsonObject
        {
            ["prompt_token_ids"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]),
            ["logprobs"] = new JsonObject { ["token_logprobs"] = new JsonArray([null, .. scores.Select(score => (JsonNode)score)]) },
        }),
    }.ToJsonString());

    private static HttpResponseMessage Sglang(int[] ids, float[] scores, int start) => ScriptedHandler.Json(new JsonObject
    {
        ["meta_info"] = new JsonObject
        {
            ["input_token_logprobs"] = new JsonArray([.. Enumerable.Range(start, ids.Length - start).Select(i =>
                (JsonNode)new JsonArray(i == start ? null : scores[i - 1], ids[i], null))]),
        },
    }.ToJsonString());

    private static HttpResponseMessage Refuse(int status, string message) => ScriptedHandler.Json(
        new JsonObject { ["error"] = new JsonObject { ["message"] = message } }.ToJsonString(), (HttpStatusCode)status);

    private static string Text(JsonNode body, string key) => body[key]!.GetValue<string>();

    private static int[] Ids(JsonNode body, string key) => [.. body[key]!.AsArray().Select(id => id!.GetValue<int>())];
}
