using System.Text.Json.Nodes;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Tests;

public sealed class CompletionRouteTests
{
    private static readonly GenerationOptions Greedy = new() { MaxTokens = 12 };

    [Theory]
    [InlineData(Service.Recipe)]
    [InlineData(null)]
    public async Task Complete_Texts_AnswersOfTheEngine(string? recipe)
    {
        await using var service = await Service.StartAsync();
        using var direct = service.Direct(recipe);
        var expected = await direct.GenerateAsync(["red soup", "plum"], Greedy, CancellationToken.None);
        var answer = await service.AskAsync("/v1/completions", Body("""["red soup", "plum"]""", recipe: recipe));
        Assert.Equal("text_completion", answer["object"]!.GetValue<string>());
        Assert.Equal(expected.Select(each => each.Text), Texts(answer));
        Assert.Equal(expected.Sum(each => each.Tokens), answer["usage"]!["completion_tokens"]!.GetValue<int>());
    }

    [Fact]
    public async Task Complete_TokenIds_SameAsTheirText()
    {
        await using var service = await Service.StartAsync();
        using var direct = service.Direct();
        var ids = string.Join(',', direct.Tokenizer.EncodePrompt("red soup"));
        var ofText = Texts(await service.AskAsync("/v1/completions", Body("\"red soup\"")));
        Assert.Equal(ofText, Texts(await service.AskAsync("/v1/completions", Body($"[{ids}]"))));
        Assert.Equal([.. ofText, .. ofText], Texts(await service.AskAsync("/v1/completions", Body($"[[{ids}],[{ids}]]"))));
    }

    [Fact]
    public async Task Complete_EchoWithoutAnswer_LogProbabilitiesOfThePrompt()
    {
        await using var service = await Service.StartAsync();
        using var direct = service.Direct();
        int[] ids = [.. direct.Tokenizer.EncodePrompt("red soup"), .. direct.Tokenizer.EncodeContinuation(" plum")];
        var expected = (await direct.ScoreTokensAsync([new TokenizedRecord("0", ids, 1)], CancellationToken.None))[0];
        var answer = await service.AskAsync(
            "/v1/completions", $$"""
            {"prompt": [{{string.Join(',', ids)}}], "max_tokens": 0, "echo": true, "logprobs": 0, "prompt_logprobs": 0}
            """);
        var choice = answer["choices"]![0]!;
        var values = choice["logprobs"]!["token_logprobs"]!.AsArray();
        Assert.Equal("red soup plum", choice["text"]!.GetValue<string>());
        Assert.Null(values[0]);
        Assert.Equal(expected, values.Skip(1).Select(value => value!.GetValue<float>()));
        var byId = choice["prompt_logprobs"]!.AsArray();
        Assert.Null(byId[0]);
        Assert.Equal(expected, byId.Skip(1).Select((entry, i) => entry![$"{ids[i + 1]}"]!["logprob"]!.GetValue<float>()));
    }

    [Fact]
    public async Task Complete_NothingToGenerateBesideAnAnswer_IsScoredAsAlone()
    {
        const string question = """{"prompt": "red soup", "max_tokens": 0, "echo": true, "logprobs": 0}""";
        await using var service = await Service.StartAsync();
        var (model, engine) = (service.Part<ServedPool>(), service.Part<EngineScheduler>());
        List<Task<JsonNode>> asked = [];
        await using (await model.Host.LeaseAsync(model.Base.Recipe, CancellationToken.None))
        {
            asked.Add(service.AskAsync("/v1/completions", """{"prompt": "a", "max_tokens": 1, "temperature": 0}"""));
            while (engine.Waiting > 0 || engine.Arrived < 1) await Task.Yield(); // waits for the engine, and the others behind it
            asked.Add(service.AskAsync("/v1/completions", """{"prompt": "plum", "max_tokens": 8}"""));
            asked.Add(service.AskAsync("/v1/completions", question));
            while (engine.Arrived < 3) await Task.Yield();
        }

        var answers = await Task.WhenAll(asked);
        var alone = await service.AskAsync("/v1/completions", question);
        Assert.Equal(alone["choices"]!.ToJsonString(), answers[2]["choices"]!.ToJsonString());
        Assert.Equal(0, answers[2]["usage"]!["completion_tokens"]!.GetValue<int>());
        Assert.Equal("length", answers[2]["choices"]![0]!["finish_reason"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("/v1/completions", """{"prompt": "red soup", "max_tokens": 0, "echo": true, "logprobs": 0}""")]
    [InlineData("/v1/completions", """{"prompt": "red soup", "max_tokens": 1, "prompt_logprobs": 0}""")]
    [InlineData(
        "/v1/chat/completions",
        """{"template": "alpaca", "max_tokens": 2, "logprobs": true, "messages": [{"role": "user", "content": "a"}]}""")]
    public async Task Logprobs_OfAnEndlessWeight_Refused(string path, string question)
    {
        await using var service = await Service.StartAsync(contextLength: 256); // room for the template
        var body = $$"""{"recipe": {"space": "delta", "adapters": [{"name": "adapter-a", "weight": 1e30}]}, {{question[1..]}}""";
        var refusal = await service.RefusalAsync(path, body);
        Assert.Equal(400, refusal.Status);
        Assert.EndsWith(" '0' no finite log-probability; choose smaller weights.", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Complete_StopText_EndsBeforeIt()
    {
        await using var service = await Service.StartAsync();
        var whole = Texts(await service.AskAsync("/v1/completions", Body("\"red soup\"")))[0];
        var stop = whole[3..5];
        var answer = await service.AskAsync(
            "/v1/completions", Body("\"red soup\"", $", \"stop\": {JsonValue.Create(stop).ToJsonString()}"));
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], Texts(answer)[0]);
        Assert.Equal("stop", answer["choices"]![0]!["finish_reason"]!.GetValue<string>());
    }

    [Fact]
    public async Task Complete_Stream_PartsOfTheWholeAnswer()
    {
        await using var service = await Service.StartAsync();
        var whole = Texts(await service.AskAsync("/v1/completions", Body("\"red soup\"")))[0];
        using var response = await service.PostAsync("/v1/completions", Body("\"red soup\"", ", \"stream\": true"));
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.ToString());
        var events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", events[^1]);
        var chunks = events.SkipLast(1).Select(line => JsonNode.Parse(line["data: ".Length..])!).ToList();
        Assert.True(chunks.Count > 2);
        Assert.Equal(whole, string.Concat(chunks.Select(chunk => Texts(chunk)[0])));
        Assert.Equal("length", chunks[^1]["choices"]![0]!["finish_reason"]!.GetValue<string>());
    }

    [Fact]
    public async Task Complete_Sampling_RepeatsWithItsSeed()
    {
        await using var service = await Service.StartAsync();
        async Task<string> AskAsync(int seed) => Texts(await service.AskAsync(
            "/v1/completions", $$"""{"prompt": "red", "max_tokens": 20, "temperature": 1.5, "seed": {{seed}}}"""))[0];
        Assert.Equal(await AskAsync(1), await AskAsync(1));
        Assert.NotEqual(await AskAsync(1), await AskAsync(2));
    }

    [Fact]
    public async Task Chat_Template_IsWhatTheModelIsAsked()
    {
        await using var service = await Service.StartAsync();
        using var direct = service.Direct();
        var alpaca = LanguageModels.Chat.ChatTemplates.All.First(template => template.Name == "alpaca");
        var asked = alpaca.Render([new("system", "short"), new("user", "red"), new("assistant", "")]);
        var expected = await direct.GenerateAsync([asked.Prompt], Greedy, CancellationToken.None);
        const string body = """
            {"model": "base", "template": "alpaca", "max_tokens": 12, "temperature": 0,
             "messages": [{"role": "system", "content": "short"}, {"role": "user", "content": [{"type": "text", "text": "red"}]}]}
            """;
        var answer = await service.AskAsync("/v1/chat/completions", body);
        Assert.Equal("chat.completion", answer["object"]!.GetValue<string>());
        Assert.Equal(expected[0].Text, answer["choices"]![0]!["message"]!["content"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("""{"prompt": [99999]}""", "request: 'prompt[0]' is 99999, not an integer from 0 to")]
    [InlineData("""{"prompt": []}""", "request: 'prompt' is empty")]
    [InlineData("""{"prompt": "a", "logprobs": 5}""", "request: 'logprobs' is 5, not an integer from 0 to 0")]
    [InlineData("""{"prompt": "a", "n": 2}""", "request: 'n' must be 1")]
    [InlineData("""{"prompt": "a", "temperature": -1}""", "request: 'temperature' is -1")]
    [InlineData("""{"prompt": "a", "stop": [""]}""", "request: 'stop' must be one to four texts")]
    [InlineData("""{"prompt": "a", "stream": true, "echo": true}""", "request: 'stream' does not go with echo")]
    public async Task Complete_BadField_NamesIt(string body, string sentence)
    {
        await using var service = await Service.StartAsync();
        var refusal = await service.RefusalAsync("/v1/completions", body);
        Assert.Equal(400, refusal.Status);
        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
    }

    private static List<string> Texts(JsonNode answer) =>
        [.. answer["choices"]!.AsArray().Select(choice => choice!["text"]!.GetValue<string>())];

    private static string Body(string prompt, string more = "", string? recipe = null) => $$"""
        {"prompt": {{prompt}}, {{(recipe is null ? "" : $"\"recipe\": {recipe},")}} "max_tokens": 12, "temperature": 0{{more}}}
        """;
}
