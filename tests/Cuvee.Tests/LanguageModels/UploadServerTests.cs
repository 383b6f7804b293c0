using System.Net;
using System.Text.Json.Nodes;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.Sglang;
using Cuvee.LanguageModels.Vllm;
using Cuvee.Tests.LanguageModels.Http;

namespace Cuvee.Tests.LanguageModels;

/// <summary>Exact JSON both ways for servers that take adapters, as their sources have it.</summary>
public sealed class UploadServerTests
{
    private const string VllmScored = """
        {"id":"cmpl-1","object":"text_completion","model":"c-1","choices":[{"index":0,"text":"@bc","finish_reason":"length",
         "logprobs":{"text_offset":[0,1,2,3],"token_logprobs":[null,-0.5,-1.5,-2.5,-9999.0],"tokens":["","@","b","c",""],"top_logprobs":null},
         "prompt_token_ids":[2,67,101,102,1],"token_ids":[]}],"usage":{"prompt_tokens":5,"completion_tokens":0}}
        """;

    private const string SglangScored = """
        {"text":"x","meta_info":{"finish_reason":{"type":"length","length":1},"prompt_tokens":5,"completion_tokens":1,
         "input_token_logprobs":[[null,67,null],[-1.5,101,null],[-2.5,102,null],[-3.5,1,null]]}}
        """;

    private static readonly PromptCompletion Record = new("r", "@", "bc");

    [Fact]
    public async Task Vllm_Score_IsTheEchoOfThePrompt()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(VllmScored));
        var score = (await Vllm(handler).Model("c-1").ScoreAsync([Record], CancellationToken.None))[0];
        Assert.Equal([-1.5f, -2.5f, -9999f], score.TokenLogProbabilities);
        Assert.Equal((3, 2), (score.Tokens, score.PromptTokens));
        AssertSent(handler, "/v1/completions", """
            {"model":"c-1","prompt":[2,67,101,102,1],"max_tokens":0,"echo":true,"logprobs":0,"return_token_ids":true,"cache_salt":"c-1"}
            """);
    }

    [Theory]
    [InlineData("\"prompt_token_ids\":[2,67,101,102,1]", "\"prompt_token_ids\":[2,67,101,102]")]
    [InlineData("-1.5", "null")]
    [InlineData("[null,-0.5,-1.5,-2.5,-9999.0]", "[-1.5]")]
    public async Task Vllm_ServerWithoutEcho_IsAskedAgain(string good, string bad)
    {
        var handler = new ScriptedHandler(
            () => ScriptedHandler.Json(VllmScored.Replace(good, bad, StringComparison.Ordinal)), () => ScriptedHandler.Json(VllmScored));
        await Vllm(handler).Model(null).ScoreAsync([Record], CancellationToken.None);
        Assert.Equal(2, handler.Sent.Count);
        Assert.Equal("base", handler.Sent[0].Body!["model"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("\"finish_reason\":\"stop\",\"stop_reason\":null", StopReason.EndOfSequence)]
    [InlineData("\"finish_reason\":\"stop\",\"stop_reason\":\".\"", StopReason.StopText)]
    [InlineData("\"finish_reason\":\"length\",\"stop_reason\":null", StopReason.MaxTokens)]
    public async Task Vllm_Generation_TellsWhyItEnded(string reason, StopReason expected)
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(
            $"{{\"choices\":[{{\"index\":0,\"text\":\"soup\",{reason}}}],\"usage\":{{\"completion_tokens\":2}}}}"));
        var answer = (await Vllm(handler).Model(null).GenerateAsync(
            ["@"], new GenerationOptions { MaxTokens = 5, Stop = ["."], TopK = 3 }, CancellationToken.None))[0];
        Assert.Equal(new GeneratedCompletion("soup", 2, expected, 2), answer);
        AssertSent(handler, "/v1/completions", """
            {"model":"base","prompt":[2,67],"max_tokens":5,"temperature":0,"top_p":1,"repetition_penalty":1,"seed":0,"stop":["."],
             "cache_salt":"base","top_k":3,"stop_token_ids":[1]}
            """);
    }

    [Fact]
    public async Task Vllm_LoadAndUnload_AreItsRoutesAndAnswerInWords()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json("Success: LoRA adapter 'c-1' added successfully."));
        await Vllm(handler).LoadAsync("c-1", "/shared/c-1", CancellationToken.None);
        AssertSent(handler, "/v1/load_lora_adapter", """{"lora_name":"c-1","lora_path":"/shared/c-1"}""");
        handler.Sent.Clear();
        await Vllm(handler).UnloadAsync("c-1", CancellationToken.None);
        AssertSent(handler, "/v1/unload_lora_adapter", """{"lora_name":"c-1"}""");
    }

    [Theory]
    [InlineData(400, "The lora adapter 'c-1' has already been loaded. If you want to load the adapter in place, set 'load_inplace'.", null)]
    [InlineData(404, "No adapter found for /shared/c-1", "check the address")]
    [InlineData(500, "LoRA rank 32 is greater than max_lora_rank 16.", "greater than max_lora_rank 16")]
    public async Task Vllm_LoadRefused_IsSaidUnlessALostAttemptLoadedIt(int status, string message, string? expected)
    {
        var body = new JsonObject { ["error"] = new JsonObject { ["message"] = message, ["type"] = "BadRequestError" } }.ToJsonString();
        var server = Vllm(new ScriptedHandler(() => ScriptedHandler.Json(body, (HttpStatusCode)status)));
        var load = server.LoadAsync("c-1", "/shared/c-1", CancellationToken.None);
        if (expected is null)
            await load;
        else
            Assert.Contains(expected, (await Assert.ThrowsAsync<ServiceException>(() => load)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, "LoRA with name c-1 does not exist. Loaded LoRAs: dict_keys([])", null)]
    [InlineData(200, "LoRA with name c-1 does not exist. Loaded LoRAs: dict_keys([])", null)]
    [InlineData(200, "the adapter is in use.", "unload_lora_adapter of 'c-1' failed (the adapter is in use)")]
    public async Task Sglang_UnloadRefused_IsSaidUnlessALostAttemptUnloadedIt(int status, string message, string? expected)
    {
        var body = new JsonObject { ["success"] = false, ["error_message"] = message }.ToJsonString();
        var unload = Sglang(new ScriptedHandler(() => ScriptedHandler.Json(body, (HttpStatusCode)status)))
            .UnloadAsync("c-1", CancellationToken.None);
        if (expected is null)
            await unload;
        else
            Assert.Contains(expected, (await Assert.ThrowsAsync<LanguageModelException>(() => unload)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Vllm_Describe_TakesTheModelWithoutAParent()
    {
        var handler = new ScriptedHandler((request, _, _, _) => Task.FromResult(ScriptedHandler.Json(
            request.RequestUri!.AbsolutePath == "/version" ? """{"version":"0.28.1"}""" : """
                {"object":"list","data":[{"id":"c-9","root":"/shared/c-9","parent":"tiny"},
                 {"id":"tiny","root":"/srv/tiny","parent":null,"max_model_len":4096}]}
                """)));
        Assert.Equal(("0.28.1", "tiny", 4096), await VllmServer.DescribeAsync(Service(handler), CancellationToken.None));
    }

    [Fact]
    public async Task Sglang_Score_StartsOneTokenEarlyAndSkipsItsNull()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(SglangScored));
        var score = (await Sglang(handler).Model("c-1").ScoreAsync([Record], CancellationToken.None))[0];
        Assert.Equal([-1.5f, -2.5f, -3.5f], score.TokenLogProbabilities);
        AssertSent(handler, "/generate", """
            {"input_ids":[2,67,101,102,1],"sampling_params":{"max_new_tokens":1,"temperature":0},"lora_path":"c-1","return_logprob":true,
             "logprob_start_len":1,"top_logprobs_num":0}
            """);
    }

    [Fact]
    public async Task Sglang_Generation_OfTheBaseNamesNoAdapter()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json("""
            {"text":"soup","meta_info":{"finish_reason":{"type":"stop","matched":"."},"completion_tokens":2}}
            """));
        var answer = (await Sglang(handler).Model(null).GenerateAsync(
            ["@"], new GenerationOptions { MaxTokens = 5, Stop = ["."] }, CancellationToken.None))[0];
        Assert.Equal(new GeneratedCompletion("soup", 2, StopReason.StopText, 2), answer);
        AssertSent(handler, "/generate", """
            {"input_ids":[2,67],"sampling_params":{"max_new_tokens":5,"temperature":0,"top_p":1,"repetition_penalty":1,"stop":["."],
             "stop_token_ids":[1]},"lora_path":null}
            """);
    }

    [Fact]
    public async Task Sglang_LoadFailed_SaysWhy()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json("""{"success":false,"error_message":"rank 32 is too large."}"""));
        var error = await Assert.ThrowsAsync<LanguageModelException>(
            () => Sglang(handler).LoadAsync("c-1", "/shared/c-1", CancellationToken.None));
        Assert.Contains("load_lora_adapter of 'c-1' failed (rank 32 is too large)", error.Message, StringComparison.Ordinal);
        AssertSent(handler, "/load_lora_adapter", """{"lora_name":"c-1","lora_path":"/shared/c-1","pinned":false}""");
    }

    private static void AssertSent(ScriptedHandler handler, string path, string body)
    {
        var sent = Assert.Single(handler.Sent);
        Assert.Equal(path, sent.Path);
        Assert.True(
            JsonNode.DeepEquals(JsonNode.Parse(body), JsonNode.Parse(sent.Body!.ToJsonString())), sent.Body!.ToJsonString());
    }

    private static JsonService Service(ScriptedHandler handler) =>
        new(new JsonServiceSettings(new Uri("http://model.test")), new ImpatientClock(), () => 0.5, handler);

    private static VllmServer Vllm(ScriptedHandler handler) => new(Service(handler), new RecordTokens(new ByteEncoding(), 64), "base");

    private static SglangServer Sglang(ScriptedHandler handler) => new(Service(handler), new RecordTokens(new ByteEncoding(), 64));
}
