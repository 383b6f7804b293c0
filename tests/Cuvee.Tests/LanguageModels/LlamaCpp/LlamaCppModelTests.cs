using System.Text.Json.Nodes;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;
using Cuvee.LanguageModels.LlamaCpp;
using Cuvee.Tests.LanguageModels.Http;

namespace Cuvee.Tests.LanguageModels.LlamaCpp;

/// <summary>Exact JSON both ways; answers as llama-server v0.5.0 gave them, shortened.</summary>
public sealed class LlamaCppModelTests
{
    private const string Scored = """
        {"index":0,"content":"bc","tokens":[],"id_slot":0,"stop":true,"model":"base.gguf","tokens_predicted":3,"tokens_evaluated":2,
         "truncated":false,"stop_type":"eos","stopping_word":"","tokens_cached":4,
         "timings":{"cache_n":0,"prompt_n":2,"prompt_ms":254.155},
         "completion_probabilities":[
          {"id":101,"token":"b","bytes":[98],"logprob":-6.076375961303711,"top_logprobs":[{"id":117,"logprob":-2.82}]},
          {"id":102,"token":"c","bytes":[99],"logprob":-6.92759370803833,"top_logprobs":[{"id":487,"logprob":-3.11}]},
          {"id":1,"token":"","bytes":[],"logprob":-8.128963470458984,"top_logprobs":[{"id":117,"logprob":-3.21}]}]}
        """;

    private const string LastEntry =
        "{\"id\":1,\"token\":\"\",\"bytes\":[],\"logprob\":-8.128963470458984,\"top_logprobs\":[{\"id\":117,\"logprob\":-3.21}]}";

    private static readonly PromptCompletion Record = new("r", "@", "bc");

    private readonly ImpatientClock clock = new();

    [Fact]
    public async Task ScoreAsync_Answer_IsForcedByIdsUnderEveryScale()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(Scored));
        var score = Assert.Single(await Model(handler, new ByteEncoding()).ScoreAsync([Record], CancellationToken.None));
        Assert.Equal((3, 2), (score.Tokens, score.PromptTokens));
        Assert.Equal(-6.076375961303711 - 6.92759370803833 - 8.128963470458984, score.LogProbability, 1e-5);
        Assert.Equal([-6.076376f, -6.9275937f, -8.128963f], score.TokenLogProbabilities);
        Assert.Equal("/completion", handler.Sent[0].Path);
        AssertJson(
            """
            {"prompt":[2,67],"n_predict":4,"cache_prompt":false,"lora":[{"id":0,"scale":0.5},{"id":1,"scale":0},{"id":2,"scale":-0.25}],
             "n_probs":1,"temperature":0,"grammar":"root ::= <[101]> <[102]>","logit_bias":[[1,1000000]]}
            """,
            handler.Sent[0].Body);
    }

    [Fact]
    public async Task ScoreAsync_NothingClosesCompletions_LeavesTheServersEndOut()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(Scored));
        var score = (await Model(handler, new ByteEncoding(null)).ScoreAsync([Record], CancellationToken.None))[0];
        Assert.Equal([-6.076376f, -6.9275937f], score.TokenLogProbabilities);
        Assert.Null(handler.Sent[0].Body!["logit_bias"]);
    }

    [Fact]
    public async Task ScoreAsync_TokensInsideACharacter_AreReadFromTheNextTokensDistribution()
    {
        // "a" by grammar, the two bytes of e-acute one by one, then "b" and the closing token by grammar.
        var handler = new ScriptedHandler((_, body, _, _) => Task.FromResult(ScriptedHandler.Json(
            body!["grammar"]?.GetValue<string>() switch
            {
                "root ::= <[100]>" => Forced((100, -1), (1, -9)),
                "root ::= <[101]>" => Forced((101, -4), (1, -5)),
                null => """
                    {"timings":{"cache_n":0},"completion_probabilities":[{"id":100,"logprob":-8,
                     "top_logprobs":[{"id":198,"logprob":-2},{"id":172,"logprob":-3}]}]}
                    """,
                var other => throw new InvalidOperationException(other),
            })));
        var score = (await Model(handler, new ByteEncoding()).ScoreAsync([Record with { Completion = "aéb" }], CancellationToken.None))[0];
        Assert.Equal([-1f, -2f, -3f, -4f, -5f], score.TokenLogProbabilities);
        Assert.Equal(4, handler.Sent.Count);
        AssertJson(
            """
            {"prompt":[2,67,100,198],"n_predict":1,"cache_prompt":false,
             "lora":[{"id":0,"scale":0.5},{"id":1,"scale":0},{"id":2,"scale":-0.25}],
             "n_probs":300,"temperature":0,"logit_bias":[[100,1000000]]}
            """,
            handler.Sent[2].Body);
        AssertJson("[2,67,100,198,172]", handler.Sent[3].Body!["prompt"]);
    }

    [Theory]
    [InlineData("\"id\":102", "\"id\":103")]
    [InlineData("-6.92759370803833", "null")]
    [InlineData("-6.92759370803833", "-3.4e38")]
    [InlineData("-6.92759370803833", "0.7")]
    [InlineData(LastEntry, "")]
    public async Task ScoreAsync_AnswerOfNoUse_IsAskedAgain(string good, string bad)
    {
        var broken = Scored.Replace(good, bad, StringComparison.Ordinal).Replace("]},\n          ]", "]}]", StringComparison.Ordinal);
        Assert.NotEqual(Scored, broken);
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(broken), () => ScriptedHandler.Json(Scored));
        var score = (await Model(handler, new ByteEncoding()).ScoreAsync([Record], CancellationToken.None))[0];
        Assert.Equal((3, 2), (score.Tokens, handler.Sent.Count));
    }

    [Fact]
    public async Task ScoreAsync_ServerReusedAPrompt_IsRefusedWithItsMend()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(Scored.Replace("\"cache_n\":0", "\"cache_n\":53")));
        var error = await Assert.ThrowsAsync<LanguageModelException>(
            () => Model(handler, new ByteEncoding()).ScoreAsync([Record], CancellationToken.None));
        Assert.Contains("--no-cache-prompt", error.Message, StringComparison.Ordinal);
        Assert.Single(handler.Sent);
    }

    [Fact]
    public async Task ScoreAsync_RecordBeyondTheContext_SendsNothing()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(Scored));
        var error = await Assert.ThrowsAsync<LanguageModelException>(() => Model(handler, new ByteEncoding()).ScoreAsync(
            [Record, Record with { Id = "long", Prompt = new string('x', 80) }], CancellationToken.None));
        Assert.Contains("Record 'long' has 84 tokens, more than the model's context of 64", error.Message, StringComparison.Ordinal);
        Assert.Empty(handler.Sent);
    }

    [Theory]
    [InlineData("eos", "false", StopReason.EndOfSequence)]
    [InlineData("word", "false", StopReason.StopText)]
    [InlineData("limit", "false", StopReason.MaxTokens)]
    [InlineData("limit", "true", StopReason.ContextLength)]
    public async Task GenerateAsync_Answer_TellsWhyItEnded(string type, string truncated, StopReason expected)
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json($$$"""
            {"content":"soup","tokens_predicted":4,"truncated":{{{truncated}}},"stop_type":"{{{type}}}","timings":{"cache_n":0}}
            """));
        var options = new GenerationOptions { MaxTokens = 12, Seed = 5, Stop = ["\n\n"] };
        var answer = (await Model(handler, new ByteEncoding()).GenerateAsync(["@"], options, CancellationToken.None))[0];
        Assert.Equal(new GeneratedCompletion("soup", 4, expected, 2), answer);
        AssertJson(
            """
            {"prompt":[2,67],"n_predict":12,"cache_prompt":false,
             "lora":[{"id":0,"scale":0.5},{"id":1,"scale":0},{"id":2,"scale":-0.25}],
             "temperature":0,"top_p":1,"top_k":0,"min_p":0,"seed":5,"stop":["\n\n"]}
            """,
            handler.Sent[0].Body);
    }

    private static string Forced(params (int Id, double LogProbability)[] entries) => new JsonObject
    {
        ["timings"] = new JsonObject { ["cache_n"] = 0 },
        ["completion_probabilities"] = new JsonArray([.. entries.Select(entry =>
            (JsonNode)new JsonObject { ["id"] = entry.Id, ["logprob"] = entry.LogProbability })]),
    }.ToJsonString();

    private static void AssertJson(string expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(actual!.ToJsonString())), actual.ToJsonString());

    private LlamaCppModel Model(HttpMessageHandler handler, ITextEncoding encoding) => new(
        new JsonService(new JsonServiceSettings(new Uri("http://llama.test")), clock, () => 0.5, handler),
        new RecordTokens(encoding, 64), [0.5, 0, -0.25], vocabulary: 300);
}
