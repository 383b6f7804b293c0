using System.Globalization;
using System.Text;
using System.Text.Json;
using Cuvee.LanguageModels;

namespace Cuvee.Hosting.Commands;

/// <summary>
/// A program of the user's on one checkpoint: it gets the folder as its last argument and prompts on standard input, one
/// <c>{"prompt": "..."}</c> a line, and writes one JSON list to standard output, an entry a prompt: a score in [0, 1], or a text where it
/// answers. A score is passed on as its number's text. Thread-safe.
/// </summary>
/// <param name="retries">Further tries after a failure.</param>
/// <param name="repeated">Called for each of them.</param>
public sealed class CommandModel(UserCommand command, string folder, int retries, Action repeated) : ILanguageModel
{
    public LanguageModelCapabilities Capabilities { get; } =
        new(LogProbabilities: false, TokenLogProbabilities: false, Generation: true, ContextLength: null);

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken) =>
        throw new LanguageModelException($"'{command.Name}' gives scores or answers, no log-probabilities.");

    /// <exception cref="LanguageModelException">The program failed as often as it may, or did not write such a list.</exception>
    public async Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        if (prompts.Count == 0) return [];
        var input = new StringBuilder();
        foreach (var prompt in prompts) input.Append(JsonSerializer.Serialize(new { prompt })).Append('\n');
        for (var left = retries; ; left--)
        {
            try
            {
                var output = await command.RunAsync(folder, input.ToString(), cancellationToken).ConfigureAwait(false);
                return Read(output, prompts.Count);
            }
            catch (LanguageModelException) when (left > 0)
            {
                repeated();
            }
        }
    }

    private IReadOnlyList<GeneratedCompletion> Read(string output, int count)
    {
        JsonElement list;
        try
        {
            using var document = JsonDocument.Parse(output);
            list = document.RootElement.Clone();
        }
        catch (JsonException exception)
        {
            throw Error($"wrote no JSON ({exception.Message.TrimEnd('.')})", exception);
        }

        if (list.ValueKind != JsonValueKind.Array) throw Error("wrote no JSON list");
        if (list.GetArrayLength() != count) throw Error($"wrote {list.GetArrayLength()} entries for {count} prompts");
        return [.. list.EnumerateArray().Select((entry, i) => new GeneratedCompletion(TextOf(entry, i), 0, StopReason.EndOfSequence))];
    }

    private string TextOf(JsonElement entry, int place) => entry.ValueKind switch
    {
        JsonValueKind.String => entry.GetString()!,
        JsonValueKind.Number when entry.GetDouble() is >= 0 and <= 1 and var score => score.ToString("R", CultureInfo.InvariantCulture),
        _ => throw Error($"wrote {entry.GetRawText()} as entry {place}, which is neither a score from 0 to 1 nor a text"),
    };

    private LanguageModelException Error(string problem, Exception? inner = null) =>
        new($"'{command.Name}' {problem}; it must write one list, an entry for each line that it reads.", inner);
}
