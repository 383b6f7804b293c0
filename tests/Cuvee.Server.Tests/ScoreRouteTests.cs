using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.LanguageModels;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Tests;

public sealed class ScoreRouteTests
{
    private static readonly IReadOnlyList<PromptCompletion> Records = [new("0", "red soup 1", "blue bread"), new("x", "plum", "river")];

    [Theory]
    [InlineData(Service.Recipe)]
    [InlineData(Service.OtherRecipe)]
    [InlineData(null)]
    public async Task Score_Records_BitsOfTheEngine(string? recipe)
    {
        await using var service = await Service.StartAsync();
        using var direct = service.Direct(recipe);
        var expected = await direct.ScoreAsync(Records, CancellationToken.None);
        AssertBits(expected, await service.AskAsync("/v1/score", Body(recipe)));
    }

    [Fact]
    public async Task Score_Base_ExactJson()
    {
        await using var service = await Service.StartAsync();
        using var direct = service.Direct();
        var scores = await direct.ScoreAsync(Records, CancellationToken.None);
        string Line(string id, ScoredCompletion score) =>
            $$"""{"id":"{{id}}","logprob":{{Number(score.LogProbability)}},""" +
            $"\"tokens\":{score.Tokens},\"prompt_tokens\":{score.PromptTokens}," +
            $"\"token_logprobs\":[{string.Join(',', score.TokenLogProbabilities!.Select(Number))}]}}";
        var tokens = scores.Sum(score => score.Tokens);
        var loss = -scores.Sum(score => score.LogProbability) / tokens;
        using var response = await service.PostAsync("/v1/score", Body(null));
        Assert.Equal("application/json; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Equal(
            $$$"""{"object":"score","model":"base","records":[{{{Line("0", scores[0])}}},{{{Line("x", scores[1])}}}],""" +
            $"\"summary\":{{\"loss\":{Number(loss)},\"records\":2,\"tokens\":{tokens}}}}}",
            await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Score_AdapterAsModel_IsTheAdapterAtWeightOne()
    {
        await using var service = await Service.StartAsync();
        using var direct = service.Direct("""{"space": "delta", "adapters": [{"name": "adapter-b", "weight": 1}]}""");
        var expected = await direct.ScoreAsync(Records, CancellationToken.None);
        var body = Body(null).Replace("\"base\"", "\"adapter-b\"", StringComparison.Ordinal);
        AssertBits(expected, await service.AskAsync("/v1/score", body));
    }

    [Fact]
    public async Task Score_RecipesAtTheSameTime_EachItsOwnAndOneCallARecipe()
    {
        await using var service = await Service.StartAsync();
        string?[] recipes = [Service.Recipe, Service.OtherRecipe, null, Service.Recipe, Service.OtherRecipe, Service.Recipe];
        var engine = service.Part<EngineScheduler>();
        Task<JsonNode>[] asked;
        await using (await service.Part<ServedPool>().Host.LeaseAsync(service.Part<ServedPool>().Base.Recipe, CancellationToken.None))
        {
            var first = service.AskAsync("/v1/score", Body(null)); // waits for the engine, and the others behind it
            while (engine.Waiting > 0 || engine.Arrived < 1) await Task.Yield();
            asked = [first, .. recipes.Select(recipe => service.AskAsync("/v1/score", Body(recipe)))];
            while (engine.Arrived < 1 + recipes.Length) await Task.Yield();
        }

        var answers = await Task.WhenAll(asked);
        for (var i = 0; i < recipes.Length; i++)
        {
            using var direct = service.Direct(recipes[i]);
            AssertBits(await direct.ScoreAsync(Records, CancellationToken.None), answers[i + 1]);
        }

        Assert.Equal((4, 7), (engine.Batches, engine.Jobs));
    }

    [Fact]
    public async Task Score_SixtyFourClients_AllAnswered()
    {
        await using var service = await Service.StartAsync(listens: true);
        using var direct = service.Direct(Service.Recipe);
        var expected = await direct.ScoreAsync(Records, CancellationToken.None);
        var clients = Enumerable.Range(0, 64).Select(async _ =>
        {
            for (var i = 0; i < 4; i++) AssertBits(expected, await service.AskAsync("/v1/score", Body(Service.Recipe)));
        });
        await Task.WhenAll(clients);
        Assert.Equal(256, service.Part<EngineScheduler>().Jobs);
    }

    [Theory]
    [InlineData("""{"model": "nobody", "records": []}""", 404, "There is no model 'nobody'")]
    [InlineData("""{"model": "../pool/adapter-a", "records": []}""", 404, "There is no model '../pool/adapter-a'")]
    [InlineData("""{"records": []}""", 400, "request: 'records' is empty")]
    [InlineData("""{"records": [{"prompt": "a", "completion": ""}]}""", 400, "Record '0' has an empty completion")]
    [InlineData("""{"records": [{"prompt": "a"}]}""", 400, "request: 'records[0].completion' is missing")]
    [InlineData("""{"record": []}""", 400, "has the unknown key 'record'")]
    [InlineData("""{"template": "mine", "records": []}""", 400, "request: 'template': there is no template 'mine'")]
    [InlineData("""{"template": "auto", "records": []}""", 400, "the model names no chat template (as served)")]
    [InlineData("""{"completion_end": "<no>", "records": []}""", 400, "completion_end names '<no>'")]
    [InlineData("""{"recipe": {"space": "delta", "adapters": [{"name": "../x", "weight": 1}]}, "records": []}""", 400,
        "does not fit the pool")]
    [InlineData("""{"recipe": {"adapters": []}, "records": []}""", 400, "request: 'recipe': 'space' is missing")]
    [InlineData("""{"model": "adapter-a", "recipe": {"space": "delta", "adapters": []}, "records": []}""", 400, "goes with the base")]
    [InlineData("{", 400, "request: not valid JSON")]
    public async Task Score_BadRequest_OneSentence(string body, int status, string sentence)
    {
        await using var service = await Service.StartAsync();
        var refusal = await service.RefusalAsync("/v1/score", body);
        Assert.Equal(status, refusal.Status);
        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Score_DeeplyNestedBody_Refused()
    {
        await using var service = await Service.StartAsync();
        var body = $$"""{"records": {{new string('[', 100_000)}}{{new string(']', 100_000)}}}""";
        Assert.Equal(400, (await service.RefusalAsync("/v1/score", body)).Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Score_OversizedBody_Refused(bool listens)
    {
        await using var service = await Service.StartAsync(options => options with { MaxBodyBytes = 1000 }, listens: listens);
        Assert.Equal(
            (413, "The body is over 1000 bytes; send smaller requests."), await service.RefusalAsync("/v1/score", new string(' ', 1001)));
        await service.AskAsync("/v1/score", Body(null));
    }

    private static void AssertBits(IReadOnlyList<ScoredCompletion> expected, JsonNode answer)
    {
        var records = answer["records"]!.AsArray();
        Assert.Equal(expected.Select(score => score.LogProbability), records.Select(record => record!["logprob"]!.GetValue<double>()));
        Assert.Equal(
            expected.SelectMany(score => score.TokenLogProbabilities!),
            records.SelectMany(record => record!["token_logprobs"]!.AsArray().Select(value => value!.GetValue<float>())));
    }

    private static string Number<T>(T value) => JsonSerializer.Serialize(value);

    private static string Body(string? recipe) => $$"""
        {"model": "base", {{(recipe is null ? "" : $"\"recipe\": {recipe},")}} "records": [
          {"prompt": "red soup 1", "completion": "blue bread"}, {"id": "x", "prompt": "plum", "completion": "river"}]}
        """;
}
