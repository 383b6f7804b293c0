using Cuvee.Lab.Data;
using Cuvee.Numerics;

namespace Cuvee.Lab.Parents;

/// <summary>What a story tells; decides its sentences and the operation that its question asks for.</summary>
public enum Plot
{
    Gain,
    Loss,
    MoreThan,
    FewerThan,
    Containers,
    InEvery,
}

/// <summary>
/// Two sentences with a number each, and a question: a word problem that can be told in every <see cref="Language"/>. The numbers of all
/// plots come from the same ranges, so that they do not give the operation away.
/// </summary>
/// <param name="Other">Of the comparing plots.</param>
/// <param name="Container">Of the plots with containers.</param>
/// <param name="Verb">Of the plots where something happens.</param>
/// <param name="Larger">In [10, 19].</param>
/// <param name="Smaller">In [2, 6].</param>
public sealed record Story(Plot Plot, Person Who, Person Other, Noun Thing, Noun Container, Verb Verb, int Larger, int Smaller)
{
    /// <summary>The same story for the same state of <paramref name="random"/>; all plots are equally likely in each operation.</summary>
    public static Story Draw(SeededRandom random)
    {
        T Pick<T>(IReadOnlyList<T> list) => list[random.NextInt32(list.Count)];
        var plot = (Plot)random.NextInt32(6);
        var who = Pick(Lexicon.Persons);
        var other = Pick([.. Lexicon.Persons.Where(p => p != who)]);
        return new Story(
            plot, who, other, Pick(Lexicon.Things), Pick(Lexicon.Containers), Pick(plot == Plot.Loss ? Lexicon.Losses : Lexicon.Gains),
            10 + random.NextInt32(10), 2 + random.NextInt32(5));
    }

    /// <summary>A story of <paramref name="split"/>.</summary>
    public static Story Draw(Split split, SeededRandom random)
    {
        while (true)
        {
            var story = Draw(random);
            if (story.Split == split) return story;
        }
    }

    /// <summary>By a hash of the English text, so that no language and no skill of a test story is in any training.</summary>
    public Split Split => SplitShares.Of(Text(Language.English));

    public char Operator => Plot switch
    {
        Plot.Gain or Plot.MoreThan => '+',
        Plot.Loss or Plot.FewerThan => '-',
        _ => 'x',
    };

    public int Answer => Operator switch
    {
        '+' => Larger + Smaller,
        '-' => Larger - Smaller,
        _ => Larger * Smaller,
    };

    /// <summary>What becomes of the larger number, in one word: what the operation means.</summary>
    public string Change(Language language) => (Operator, language) switch
    {
        ('+', Language.English) => "more",
        ('-', Language.English) => "less",
        (_, Language.English) => "times",
        ('+', _) => "pli",
        ('-', _) => "malpli",
        _ => "oble",
    };

    /// <summary>The operation, the calculation and its result, in every language alike: "more: 12 + 5 = 17".</summary>
    public string Calculation => $"{Change(Language.English)}: {Larger} {Operator} {Smaller} = {Answer}";

    /// <summary>Two sentences.</summary>
    public string Text(Language language) => language == Language.English ? English() : Esperanto();

    public string Question(Language language)
    {
        var things = Thing.InPlural(language);
        var (owner, now) = Plot is Plot.MoreThan or Plot.FewerThan ? (Other, false) : (Who, Plot is Plot.Gain or Plot.Loss);
        return language == Language.English
            ? Plot == Plot.InEvery ? $"How many {things} are there?" : $"How many {things} does {owner.Name} have{(now ? " now" : "")}?"
            : Plot == Plot.InEvery ? $"Kiom da {things} estas?" : $"Kiom da {things} {owner.Name} havas{(now ? " nun" : "")}?";
    }

    private string English() => Plot switch
    {
        Plot.Gain or Plot.Loss =>
            $"{Who.Name} has {Larger} {Thing.Plural}. {Who.Pronoun(Language.English)} {Verb.English} {Smaller} {Thing.Plural}.",
        Plot.MoreThan => $"{Who.Name} has {Larger} {Thing.Plural}. {Other.Name} has {Smaller} {Thing.Plural} more than {Who.Name}.",
        Plot.FewerThan => $"{Who.Name} has {Larger} {Thing.Plural}. {Other.Name} has {Smaller} {Thing.Plural} fewer than {Who.Name}.",
        Plot.Containers => $"{Who.Name} has {Larger} {Container.Plural}. Every {Container.Singular} holds {Smaller} {Thing.Plural}.",
        _ => $"There are {Larger} {Container.Plural}. In every {Container.Singular} there are {Smaller} {Thing.Plural}.",
    };

    private string Esperanto()
    {
        var things = Thing.AsObjects(Language.Esperanto);
        return Plot switch
        {
            Plot.Gain or Plot.Loss =>
                $"{Who.Name} havas {Larger} {things}. {Who.Pronoun(Language.Esperanto)} {Verb.Esperanto} {Smaller} {things}.",
            Plot.MoreThan => $"{Who.Name} havas {Larger} {things}. {Other.Name} havas {Smaller} {things} pli ol {Who.Name}.",
            Plot.FewerThan => $"{Who.Name} havas {Larger} {things}. {Other.Name} havas {Smaller} {things} malpli ol {Who.Name}.",
            Plot.Containers =>
                $"{Who.Name} havas {Larger} {Container.AsObjects(Language.Esperanto)}. " +
                $"Ĉiu {Container.Esperanto} enhavas {Smaller} {things}.",
            _ => $"Estas {Larger} {Container.InPlural(Language.Esperanto)}. " +
                $"En ĉiu {Container.Esperanto} estas {Smaller} {Thing.InPlural(Language.Esperanto)}.",
        };
    }
}
