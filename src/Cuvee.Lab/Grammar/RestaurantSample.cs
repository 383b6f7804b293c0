using Cuvee.Lab.Data;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Lab.Grammar;

/// <summary>
/// The quick start's data: queries of people who look for a restaurant, with the entity types of the mit_restaurant data set, written by
/// restaurant.grammar. Same seed, same queries.
/// </summary>
public static class RestaurantSample
{
    public const ulong DefaultSeed = 100;
    public const int ValidationRecords = 100;
    public const int TestRecords = 300;

    private const string Resource = "Cuvee.Lab.Grammar.restaurant.grammar";

    public static SentenceGrammar Grammar { get; } = Load();

    /// <summary>No two queries, of one split or of both, have the same letters and digits; no query names one span twice.</summary>
    public static (IReadOnlyList<DataRecord> Validation, IReadOnlyList<DataRecord> Test) Generate(ulong seed = DefaultSeed)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var validation = Draw("validation", ValidationRecords, seed, seen);
        return (validation, Draw("test", TestRecords, seed, seen));
    }

    /// <summary>In the prompts of the ner task; ids are <c>restaurant-{split}-{index}</c>.</summary>
    public static IReadOnlyList<PromptCompletion> ToPrompts(IReadOnlyList<DataRecord> records, Split split)
    {
        var format = TaskFormat.Of(LabTask.Ner);
        var options = format.Options(Generate().Validation);
        var prefix = $"restaurant-{split.ToString().ToLowerInvariant()}-";
        return [.. records.SelectMany(r => format.Questions(r).Select(q => (Record: r, Question: q))).Select((x, i) =>
            new PromptCompletion(prefix + i, format.Prompt(options, x.Record.Text, x.Question), TaskFormat.Completion(x.Question)))];
    }

    private static List<DataRecord> Draw(string rule, int count, ulong seed, HashSet<string> seen)
    {
        var random = SeededRandom.Derive(seed, "restaurant/" + rule);
        var records = new List<DataRecord>(count);
        while (records.Count < count)
        {
            var record = Grammar.Sample(rule, random);
            var repeatsSpan = record.Entities.Select(e => e.Text).Distinct().Count() < record.Entities.Count;
            if (!repeatsSpan && seen.Add(TextFingerprint.Of(record.Text))) records.Add(record);
        }

        return records;
    }

    private static SentenceGrammar Load()
    {
        using var stream = typeof(RestaurantSample).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The resource {Resource} is not in the assembly.");
        using var reader = new StreamReader(stream);
        return SentenceGrammar.Parse(reader.ReadToEnd(), "restaurant.grammar");
    }
}
