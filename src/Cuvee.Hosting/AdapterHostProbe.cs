using System.Globalization;
using Cuvee.LanguageModels;
using Cuvee.Merging;

namespace Cuvee.Hosting;

/// <summary>
/// Finds out by a few scored answers whether a host does what a search relies on: an adapter is really applied, and its answers do not
/// depend on the one that was asked before.
/// </summary>
public static class AdapterHostProbe
{
    private const string Sentence = "The ferry left the harbour at noon with forty people. ";
    private const string Question = "What left?";
    private const string Answer = " The ferry";

    // Long enough for several blocks of a prefix cache, where the context holds it.
    private const int MostSentences = 8;

    // Adapters tried until two change something.
    private const int MostTried = 8;

    /// <param name="contextLength">In tokens.</param>
    /// <exception cref="LanguageModelException">The host failed.</exception>
    public static async Task<AdapterHostFindings> RunAsync(IAdapterHost host, int contextLength, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(host);
        var room = contextLength - Question.Length - Answer.Length; // a token is a character at least
        var sentences = Math.Clamp(room / (2 * Sentence.Length), 1, MostSentences);
        var record = new PromptCompletion(
            "probe", string.Concat(Enumerable.Repeat(Sentence, sentences)) + Question, Answer);
        Task<double> AskAsync(string? adapter) => ScoreAsync(host, adapter, record, cancellationToken);

        var plain = await AskAsync(null).ConfigureAwait(false);
        var noise = Math.Abs(plain - await AskAsync(null).ConfigureAwait(false));
        var active = new List<(string Name, double LogProbability)>();
        var largest = 0.0;
        foreach (var name in host.AdapterNames.Take(MostTried))
        {
            var score = await AskAsync(name).ConfigureAwait(false);
            largest = Math.Max(largest, Math.Abs(score - plain));
            if (Math.Abs(score - plain) > noise) active.Add((name, score));
            if (active.Count == 2) break;
        }

        var leak = 0.0;
        foreach (var (name, score) in active)
        {
            // The last one asked was another adapter, or the base model.
            leak = Math.Max(leak, Math.Abs(score - await AskAsync(name).ConfigureAwait(false)));
        }

        if (active.Count > 0)
            leak = Math.Max(leak, Math.Abs(plain - await AskAsync(null).ConfigureAwait(false)));
        var alike = active.Count == 2 && Math.Abs(active[0].LogProbability - active[1].LogProbability) <= noise;
        return new AdapterHostFindings(noise, largest, leak, alike);
    }

    /// <summary>Of the probe's answer under one adapter alone, in nats.</summary>
    private static async Task<double> ScoreAsync(
        IAdapterHost host, string? adapter, PromptCompletion record, CancellationToken cancellationToken)
    {
        var recipe = new WeightedRecipe(MergeSpace.Delta, adapter is null ? [] : [new AdapterShare(adapter, 1)]);
        await using var lease = await host.RealizeAsync(recipe, cancellationToken).ConfigureAwait(false);
        return (await lease.Model.ScoreAsync([record], cancellationToken).ConfigureAwait(false))[0].LogProbability;
    }
}

/// <param name="Noise">Of the same question asked twice, in nats.</param>
/// <param name="Effect">Largest of an adapter against the base model.</param>
/// <param name="Leak">Largest difference of an answer to the same one asked after another adapter.</param>
/// <param name="Alike">Two adapters that change the answer change it to the same one.</param>
public sealed record AdapterHostFindings(double Noise, double Effect, double Leak, bool Alike)
{
    /// <summary>What passes for the rounding of 16-bit arithmetic in batches of other sizes.</summary>
    public const double Tolerance = 0.1;

    /// <summary>Why no search can rely on the host; null: none.</summary>
    public string? Refusal =>
        Noise > Tolerance ? $"the same question asked twice differs by {Nats(Noise)}; no search can tell candidates apart by such answers"
        : Effect <= Noise ? "no adapter changes an answer; the server does not apply them"
        : Alike ? "two adapters answer alike under their own names; the server mixes them up"
        : Leak > Tolerance ? $"an adapter's answers depend on the one asked before by {Nats(Leak)}; switch the server's prefix cache off"
        : null;

    public static string Nats(double value) => value.ToString("0.000", CultureInfo.InvariantCulture) + " nats";
}
