namespace Cuvee.Metrics;

internal static class AnswerText
{
    /// <summary>Lower-cased, trimmed, each run of white space one space.</summary>
    public static string Normalize(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).ToLowerInvariant();
}
