using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Http;

namespace Cuvee.Tests.LanguageModels.Http;

public sealed class JsonServiceTests
{
    private static readonly JsonServiceSettings Settings = new(new Uri("http://model.test/v1/")) { Key = "secret", Attempts = 5 };

    private readonly ImpatientClock clock = new(Settings);

    [Fact]
    public async Task PostAsync_Answered_SendsOnceWithKeyAndBody()
    {
        var handler = new ScriptedHandler(Good);
        using var service = Service(handler);
        Assert.Equal(7, await PostAsync(service));
        var (method, path, body, key) = Assert.Single(handler.Sent);
        Assert.Equal((HttpMethod.Post, "/v1/score", "Bearer secret"), (method, path, key));
        Assert.Equal("""{"a":1}""", body!.ToJsonString());
        Assert.Equal(0, service.Retries);
    }

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task PostAsync_PassingTrouble_IsSentAgainAndCountedApart(int status)
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json("""{"error":"busy"}""", (HttpStatusCode)status), Good);
        using var service = Service(handler);
        Assert.Equal(7, await PostAsync(service));
        Assert.Equal((2, 1), (handler.Sent.Count, service.Retries));
    }

    [Theory]
    [InlineData("retry-after", "7", 7)]
    [InlineData("retry-after-ms", "250", 0.25)]
    [InlineData("retry-after", "Thu, 01 Jan 2026 00:00:20 GMT", 20)]
    public async Task PostAsync_ServerNamesAWait_IsHonoured(string header, string value, double seconds)
    {
        var handler = new ScriptedHandler(
            () =>
            {
                var response = ScriptedHandler.Json("{}", HttpStatusCode.TooManyRequests);
                response.Headers.TryAddWithoutValidation(header, value);
                return response;
            },
            Good);
        using var service = Service(handler);
        await PostAsync(service);
        Assert.Equal([TimeSpan.FromSeconds(seconds)], clock.Waits);
    }

    [Fact]
    public async Task PostAsync_ServerNamesAWaitBeyondTheTotal_SaysItsReasonAtOnce()
    {
        var handler = new ScriptedHandler(() =>
        {
            var response = ScriptedHandler.Json("""{"error":"Daily limit reached"}""", HttpStatusCode.TooManyRequests);
            response.Headers.Add("retry-after", "3600");
            return response;
        });
        using var service = Service(handler);
        var error = await Assert.ThrowsAsync<ServiceException>(() => PostAsync(service));
        Assert.Equal(
            "http://model.test/v1/score: answered 429 (Daily limit reached) and asks to wait 3600 s, longer than model.total_timeout " +
            "leaves.",
            error.Message);
        Assert.Single(handler.Sent);
        Assert.Empty(clock.Waits);
    }

    [Fact]
    public async Task PostAsync_TotalTimeOver_SaysWhatAnAttemptBroughtAndWhichSettingItWas()
    {
        var handler = new ScriptedHandler(async (_, _, i, token) =>
        {
            if (i == 0) return ScriptedHandler.Json("""{"error":"busy"}""", HttpStatusCode.ServiceUnavailable);
            var silence = Task.Delay(Timeout.Infinite, token);
            clock.Advance(Settings.TotalTimeout);
            await silence;
            throw new InvalidOperationException("unreachable");
        });
        using var service = Service(handler);
        var error = await Assert.ThrowsAsync<ServiceException>(() => PostAsync(service));
        Assert.Equal(
            "http://model.test/v1/score: gave no answer in 900 s (model.total_timeout); an attempt before that answered 503 (busy).",
            error.Message);
    }

    [Fact]
    public async Task GetAsync_SilentServer_NamesTheSetting()
    {
        using var service = Service(new ScriptedHandler(async (_, _, _, token) =>
        {
            var silence = Task.Delay(Timeout.Infinite, token);
            clock.Advance(Settings.AttemptTimeout);
            await silence;
            throw new InvalidOperationException("unreachable");
        }));
        var error = await Assert.ThrowsAsync<ServiceException>(() => service.GetAsync("/props", Value, CancellationToken.None));
        Assert.Equal("http://model.test/v1/props: gave no answer in 120 s (model.timeout).", error.Message);
    }

    [Fact]
    public async Task PostAsync_ServerNamesBoth_MillisecondsWin()
    {
        var handler = new ScriptedHandler(
            () =>
            {
                var response = ScriptedHandler.Json("{}", HttpStatusCode.TooManyRequests);
                response.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(9));
                response.Headers.Add("retry-after-ms", "100");
                return response;
            },
            Good);
        using var service = Service(handler);
        await PostAsync(service);
        Assert.Equal([TimeSpan.FromMilliseconds(100)], clock.Waits);
    }

    [Fact]
    public async Task PostAsync_NothingNamed_WaitsGrowWithJitter()
    {
        var draw = 0;
        double[] jitter = [0.1, 0.9, 0.5, 0.3];
        using var service = Service(
            new ScriptedHandler(() => ScriptedHandler.Json("", HttpStatusCode.BadGateway)), jitter: () => jitter[draw++ % 4]);
        await Assert.ThrowsAsync<ServiceException>(() => PostAsync(service));
        Assert.Equal(4, clock.Waits.Count);
        Assert.True(clock.Waits[^1] > clock.Waits[0], string.Join(", ", clock.Waits));
        Assert.All(clock.Waits, wait => Assert.InRange(wait, TimeSpan.Zero, Settings.LongestDelay));
        Assert.True(draw > 0, "the jitter was not asked");
    }

    [Theory]
    [InlineData(429, """{"error":{"message":"You exceeded your quota.","code":"insufficient_quota"}}""", "You exceeded your quota")]
    [InlineData(401, """{"error":{"message":"Invalid API Key","type":"invalid_request_error"}}""", "give a key that has the right")]
    [InlineData(400, """{"detail":"prompt is too long"}""", "prompt is too long")]
    [InlineData(404, "<html>nothing here</html>", "nothing here")]
    public async Task PostAsync_Refused_IsNotSentAgain(int status, string body, string expected)
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json(body, (HttpStatusCode)status));
        using var service = Service(handler);
        var error = await Assert.ThrowsAsync<ServiceException>(() => PostAsync(service));
        Assert.Single(handler.Sent);
        Assert.Equal((status, 0), (error.Status, error.Billed));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("http://model.test/v1/score: answered ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"value": 7""", "not valid JSON")]
    [InlineData("""{"value": NaN}""", "not valid JSON")]
    [InlineData("""{"other": 7}""", "lacks 'value'")]
    [InlineData("""{"value": "seven"}""", "no whole number 'value'")]
    public async Task PostAsync_UselessAnswer_IsSentAgainAndBilledWhereItStaysSo(string body, string expected)
    {
        using var service = Service(new ScriptedHandler(() => ScriptedHandler.Json(body), Good));
        Assert.Equal(7, await PostAsync(service));
        Assert.Equal(1, service.Retries);

        using var hopeless = Service(new ScriptedHandler(() => ScriptedHandler.Json(body)));
        var error = await Assert.ThrowsAsync<ServiceException>(() => PostAsync(hopeless));
        Assert.Equal(5, error.Billed); // every attempt
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains("in the last of 5 attempts", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PostAsync_SilentServer_TimesOutByTheClockAndIsSentAgain()
    {
        var handler = new ScriptedHandler(async (_, _, i, token) =>
        {
            if (i > 0) return Good();
            var silence = Task.Delay(Timeout.Infinite, token);
            clock.Advance(Settings.AttemptTimeout);
            await silence;
            throw new InvalidOperationException("unreachable");
        });
        using var service = Service(handler);
        Assert.Equal(7, await PostAsync(service));
        Assert.Equal(1, service.Retries);
    }

    [Fact]
    public async Task PostAsync_ConnectionCut_IsSentAgain()
    {
        using var service = Service(new ScriptedHandler((_, _, i, _) =>
            i == 0 ? throw new HttpRequestException("The response ended prematurely.") : Task.FromResult(Good())));
        Assert.Equal(7, await PostAsync(service));
    }

    [Fact]
    public async Task PostAsync_ServerGone_OpensTheCircuitAndComesBackWithIt()
    {
        var isBack = false;
        var handler = new ScriptedHandler((_, _, i, _) => Task.FromResult(
            isBack ? Good() : ScriptedHandler.Json("", HttpStatusCode.ServiceUnavailable)));
        using var service = Service(handler, new JsonServiceSettings(Settings.Url) { Attempts = 1 });
        ServiceException error;
        do
        {
            error = await Assert.ThrowsAsync<ServiceException>(() => PostAsync(service));
            Assert.True(handler.Sent.Count < 100, "the circuit never opens");
        }
        while (!error.Message.Contains("was not asked again", StringComparison.Ordinal));
        Assert.Contains("the last one answered 503", error.Message, StringComparison.Ordinal);

        isBack = true;
        clock.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(7, await PostAsync(service));
    }

    [Fact]
    public async Task PostAsync_ManyCallers_StayWithinTheSlots()
    {
        var (inFlight, most) = (0, 0);
        var handler = new ScriptedHandler(async (_, _, _, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inFlight));
            await Task.Yield();
            Interlocked.Decrement(ref inFlight);
            return Good();
        });
        using var service = Service(handler, Settings with { Slots = 3 });
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => PostAsync(service)));
        Assert.Equal(50, handler.Sent.Count);
        Assert.InRange(most, 1, 3);
    }

    [Fact]
    public async Task PostAsync_Cancelled_IsNoFailure()
    {
        using var stop = new CancellationTokenSource();
        using var service = Service(new ScriptedHandler(async (_, _, _, token) =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, token);
            return Good();
        }));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => service.PostAsync("/score", new JsonObject(), Value, stop.Token));
    }

    [Fact]
    public async Task GetAsync_Trouble_IsSaidAtOnce()
    {
        var handler = new ScriptedHandler(() => ScriptedHandler.Json("", HttpStatusCode.ServiceUnavailable));
        using var service = Service(handler);
        await Assert.ThrowsAsync<ServiceException>(() => service.GetAsync("/props", Value, CancellationToken.None));
        Assert.Single(handler.Sent);
    }

    [Fact]
    public async Task TidyAsync_Trouble_IsAskedOnceAndBriefly()
    {
        var isSilent = false;
        var handler = new ScriptedHandler(async (_, _, _, token) =>
        {
            if (!isSilent) return ScriptedHandler.Json("", HttpStatusCode.ServiceUnavailable);
            var silence = Task.Delay(Timeout.Infinite, token);
            clock.Advance(Settings.TidyingTimeout);
            await silence;
            throw new InvalidOperationException("unreachable");
        });
        using var service = Service(handler);
        async Task<string> ErrorAsync() => (await Assert.ThrowsAsync<ServiceException>(
            () => service.TidyAsync("/unload", new JsonObject(), Value, CancellationToken.None))).Message;
        Assert.Contains("answered 503", await ErrorAsync(), StringComparison.Ordinal);
        isSilent = true;
        Assert.Contains("gave no answer in 5 s", await ErrorAsync(), StringComparison.Ordinal);
        Assert.Equal(2, handler.Sent.Count);
    }

    [Fact]
    public async Task SampleRequests_OneFails_KeepsWhatWasAnsweredAndCountsWhatWasBilled()
    {
        var error = await Assert.ThrowsAsync<PartialAnswersException>(() => SampleRequests.ScoreAsync(
            6, 2,
            i => i == 3
                ? Task.FromException<ScoredCompletion>(new ServiceException("useless", 200, billed: 3))
                : Task.FromResult(new ScoredCompletion(-i, 1, 1, null)),
            CancellationToken.None));
        Assert.Equal((3, "useless"), (error.Lost, error.Message));
        Assert.All((int[])[0, 1, 2], i => Assert.Contains(i, error.Scores.Keys));
        Assert.DoesNotContain(3, error.Scores.Keys);
        Assert.All(error.Scores, pair => Assert.Equal(-pair.Key, pair.Value.LogProbability));
    }

    [Fact]
    public async Task SampleRequests_NothingAnswered_ThrowsTheReasonItself() => await Assert.ThrowsAsync<ServiceException>(
        () => SampleRequests.GenerateAsync(
            3, 2, _ => Task.FromException<GeneratedCompletion>(new ServiceException("refused", 400)), CancellationToken.None));

    private static HttpResponseMessage Good() => ScriptedHandler.Json("""{"value": 7}""");

    private static int Value(JsonElement answer) => answer.Member("value").Integer("value");

    private static Task<int> PostAsync(JsonService service) =>
        service.PostAsync("/score", new JsonObject { ["a"] = 1 }, Value, CancellationToken.None);

    private JsonService Service(HttpMessageHandler handler, JsonServiceSettings? settings = null, Func<double>? jitter = null) =>
        new(settings ?? Settings, clock, jitter ?? (() => 0.5), handler);
}
