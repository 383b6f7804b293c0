using Cuvee.Configuration;
using Cuvee.LanguageModels.Http;

namespace Cuvee.Providers;

/// <summary>The keys under <c>model:</c> that all providers behind an address share.</summary>
internal static class ServiceKeys
{
    private const int LongestWait = 86_400; // seconds

    /// <summary>Reads <c>url</c>, <c>key_variable</c>, <c>slots</c>, <c>attempts</c>, <c>timeout</c> and <c>total_timeout</c>.</summary>
    public static (JsonServiceSettings Settings, bool HasSlots) Read(YamlMapping model)
    {
        var url = model.RequiredText("url", "the server's address, such as http://127.0.0.1:8080");
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw model.Error("url", $"'model.url' is '{url}'; give an address such as http://127.0.0.1:8080.");
        if (address.UserInfo.Length > 0)
            throw model.Error("url", "'model.url' holds a name or password, which would be written beside the results; use key_variable.");
        var settings = new JsonServiceSettings(address);
        var slots = model.Integer("slots", 1, 10_000);
        return (
            settings with
            {
                Key = ReadKey(model),
                Slots = slots ?? settings.Slots,
                Attempts = model.Integer("attempts", 1, 1000) ?? settings.Attempts,
                AttemptTimeout = Seconds(model, "timeout") ?? settings.AttemptTimeout,
                TotalTimeout = Seconds(model, "total_timeout") ?? settings.TotalTimeout,
            },
            slots is not null);
    }

    private static TimeSpan? Seconds(YamlMapping model, string key) =>
        model.Number(key, 0.1, LongestWait) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>The run file is copied beside the results, so it names where the key is and never holds it.</summary>
    private static string? ReadKey(YamlMapping model)
    {
        model.Refuse("key", "'model.key' would be copied beside the results; put the key into an environment variable and name that as " +
            "model.key_variable.");
        return model.Text("key_variable") is { } variable
            ? ServiceKey.Of(variable, problem => model.Error("key_variable", $"'model.key_variable' {problem}"))
            : null;
    }
}
