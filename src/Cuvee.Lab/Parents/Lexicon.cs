namespace Cuvee.Lab.Parents;

/// <summary>The words of the stories.</summary>
public static class Lexicon
{
    public static IReadOnlyList<Person> Persons { get; } =
    [
        new("Anna", true), new("Maria", true), new("Mary", true), new("Linda", true), new("Tom", false), new("Peter", false),
        new("David", false), new("Paul", false),
    ];

    /// <summary>What is counted.</summary>
    public static IReadOnlyList<Noun> Things { get; } =
    [
        new("apple", "apples", "pomo"), new("book", "books", "libro"), new("card", "cards", "karto"), new("egg", "eggs", "ovo"),
        new("ball", "balls", "pilko"), new("coin", "coins", "monero"), new("flower", "flowers", "floro"), new("cup", "cups", "taso"),
        new("ring", "rings", "ringo"), new("lamp", "lamps", "lampo"), new("letter", "letters", "letero"),
        new("ticket", "tickets", "bileto"),
    ];

    /// <summary>What things lie in.</summary>
    public static IReadOnlyList<Noun> Containers { get; } =
    [
        new("box", "boxes", "skatolo"), new("bag", "bags", "sako"), new("basket", "baskets", "korbo"),
    ];

    /// <summary>After them one has more.</summary>
    public static IReadOnlyList<Verb> Gains { get; } =
        [new("takes", "prenas"), new("finds", "trovas"), new("gets", "ricevas")];

    /// <summary>After them one has fewer.</summary>
    public static IReadOnlyList<Verb> Losses { get; } =
        [new("sells", "vendas"), new("loses", "perdas"), new("gives away", "fordonas")];
}
