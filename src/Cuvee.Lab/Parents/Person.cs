namespace Cuvee.Lab.Parents;

/// <param name="Name">The same in both languages; stands in the nominative only.</param>
public sealed record Person(string Name, bool IsShe)
{
    /// <summary>With a capital.</summary>
    public string Pronoun(Language language) => (language, IsShe) switch
    {
        (Language.English, true) => "She",
        (Language.English, false) => "He",
        (_, true) => "Ŝi",
        (_, false) => "Li",
    };
}

/// <param name="Esperanto">Nominative singular, ending in o.</param>
public sealed record Noun(string Singular, string Plural, string Esperanto)
{
    public string InPlural(Language language) => language == Language.English ? Plural : Esperanto + "j";

    /// <summary>Plural of a direct object.</summary>
    public string AsObjects(Language language) => language == Language.English ? Plural : Esperanto + "jn";

    public string InSingular(Language language) => language == Language.English ? Singular : Esperanto;
}

/// <summary>Third person singular, present tense.</summary>
public sealed record Verb(string English, string Esperanto)
{
    public string In(Language language) => language == Language.English ? English : Esperanto;
}
