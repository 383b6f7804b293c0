using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Lab.Reproduction;

/// <summary>Wrong labels: some records get the completion of another record.</summary>
internal static class LabelNoise
{
    /// <param name="fraction">Of the records, in [0, 1], rounded half to even; a larger one spoils the records of a smaller one,
    /// too.</param>
    /// <returns>The records in their order; the completion that a spoiled record gets differs from its own and is another one's.</returns>
    public static IReadOnlyList<PromptCompletion> Apply(IReadOnlyList<PromptCompletion> records, double fraction, ulong seed)
    {
        if (fraction == 0) return records;
        var order = Enumerable.Range(0, records.Count).ToArray();
        SeededRandom.Derive(seed, "label-noise").Shuffle(order.AsSpan());
        PromptCompletion[] noisy = [.. records];
        foreach (var i in order.Take((int)Math.Round(fraction * records.Count, MidpointRounding.ToEven)))
        {
            string[] others = [.. records.Select(record => record.Completion).Where(completion => completion != records[i].Completion)];
            if (others.Length == 0) continue; // every record has the same answer: there is no wrong one
            var random = SeededRandom.Derive(seed, $"label-noise/{records[i].Id}");
            noisy[i] = records[i] with { Completion = others[random.NextInt32(others.Length)] };
        }

        return noisy;
    }
}
