using System.Text.Json;
using Cuvee.Lab.Data;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Lab.Parents;

/// <summary>
/// Records of a <see cref="Skill"/>, all in one form: <c>{text}\n{question}\nAnswer:</c> and a completion that begins with one space.
/// </summary>
public static class SkillRecords
{
    private const int DrawsARecord = 20;
    private const string HowMuch = "How much?"; // asks for a calculation, of whatever text

    /// <summary>All but <see cref="Skill.Calculation"/>, whose facts are few and all trained on.</summary>
    public static IReadOnlyList<Skill> Measured { get; } = [.. Enum.GetValues<Skill>().Where(skill => skill != Skill.Calculation)];

    /// <summary>As files and tables call it: "math-english".</summary>
    public static string Name(this Skill skill) => JsonNamingPolicy.KebabCaseLower.ConvertName(skill.ToString());

    /// <summary>One record, from the stories or numbers of <paramref name="split"/>; its id is empty.</summary>
    public static PromptCompletion Draw(Skill skill, Split split, SeededRandom random) => skill switch
    {
        Skill.MathEnglish => Math(Story.Draw(split, random), Language.English),
        Skill.MathEsperanto => Math(Story.Draw(split, random), Language.Esperanto),
        Skill.ReadingEnglish => Reading(Story.Draw(split, random), Language.English, Language.English, random),
        Skill.ReadingEsperanto => ReadingEsperanto(Story.Draw(split, random), random),
        Skill.ToEnglish => Translation(split, Language.Esperanto, Language.English, random),
        Skill.ToEsperanto => Translation(split, Language.English, Language.Esperanto, random),
        Skill.Calculation => Calculation(Story.Draw(split, random), random),
        _ => Number(split, random),
    };

    /// <summary>Up to <paramref name="count"/> records, fewer where a skill has no more; no two ask the same.</summary>
    /// <returns>Ids are <c>{skill}-{split}-{index}</c>.</returns>
    public static IReadOnlyList<PromptCompletion> Distinct(Skill skill, Split split, int count, ulong seed)
    {
        var name = $"{skill.Name()}-{split.ToString().ToLowerInvariant()}";
        var random = SeededRandom.Derive(seed, $"parents/{name}");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var records = new List<PromptCompletion>(count);
        for (var draws = 0; records.Count < count && draws < DrawsARecord * count; draws++)
        {
            var record = Draw(skill, split, random);
            if (seen.Add(record.Prompt)) records.Add(record with { Id = $"{name}-{records.Count}" });
        }

        return records;
    }

    private static PromptCompletion Calculation(Story story, SeededRandom random)
    {
        var text = random.NextInt32(2) == 0 ? $"{story.Larger} {story.Operator} {story.Smaller}" : Summary(story, Language.English);
        return Record(text, HowMuch, story.Calculation);
    }

    /// <summary>All that a calculation needs: "more: 12 and 5".</summary>
    private static string Summary(Story story, Language language) =>
        $"{story.Change(language)}: {story.Larger} {(language == Language.English ? "and" : "kaj")} {story.Smaller}";

    private static PromptCompletion Math(Story story, Language language) =>
        Record(Problem(story, language), HowMuch, story.Calculation);

    private static PromptCompletion ReadingEsperanto(Story story, SeededRandom random) => random.NextInt32(3) switch
    {
        0 => Reading(story, Language.Esperanto, Language.Esperanto, random),
        1 => Reading(story, Language.Esperanto, Language.English, random),
        _ => Reading(story, Language.English, Language.Esperanto, random),
    };

    private static PromptCompletion Reading(Story story, Language text, Language asked, SeededRandom random)
    {
        var english = asked == Language.English;
        var (question, answer) = random.NextInt32(4) switch
        {
            0 => (english ? "What is counted?" : "Kio estas kalkulata?", story.Thing.InPlural(asked)),
            1 or 2 => (english ? "In short?" : "Mallonge?", Summary(story, asked)),
            _ => (english ? "More, less or times?" : "Pli, malpli aŭ oble?", story.Change(asked)),
        };
        return Record(Problem(story, text), question, answer);
    }

    /// <summary>Words and questions recur in many stories, so that only the training has them alone.</summary>
    private static PromptCompletion Translation(Split split, Language from, Language to, SeededRandom random)
    {
        var story = Story.Draw(split, random);

        string Part(Language language, int part) => part switch
        {
            0 => story.Thing.InPlural(language),
            1 => story.Verb.In(language),
            2 => story.Question(language),
            3 => story.Text(language),
            _ => Problem(story, language),
        };
        var part = split == Split.Train ? random.NextInt32(6) : 3 + random.NextInt32(2);
        return Record(Part(from, part), to == Language.English ? "In English?" : "In Esperanto?", Part(to, part));
    }

    private static string Problem(Story story, Language language) => $"{story.Text(language)} {story.Question(language)}";

    private static PromptCompletion Number(Split split, SeededRandom random)
    {
        int number;
        do number = random.NextInt32(NumberWords.Max + 1);
        while (SplitOf(number) != split);
        var words = NumberWords.Say(number);
        return random.NextInt32(2) == 0 ? Record(words, "In digits?", $"{number}") : Record($"{number}", "In Esperanto?", words);
    }

    /// <summary>The words that all others are made of are trained on.</summary>
    private static Split SplitOf(int number) => number <= 20 ? Split.Train : SplitShares.Of($"{number}");

    private static PromptCompletion Record(string text, string question, string answer) =>
        new("", $"{text}\n{question}\nAnswer:", " " + answer);
}
