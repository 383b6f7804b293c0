namespace Cuvee.Lab.Parents;

/// <summary>Esperanto's cardinal numbers from 0 to <see cref="Max"/> in words: 345 is "tricent kvardek kvin".</summary>
public static class NumberWords
{
    /// <summary>The largest number with words here.</summary>
    public const int Max = 999;

    private static readonly string[] Digits = ["nul", "unu", "du", "tri", "kvar", "kvin", "ses", "sep", "ok", "naŭ"];

    private static readonly Dictionary<string, int> Values = Enumerable.Range(0, Max + 1).ToDictionary(Say);

    /// <summary>Hundreds and tens are one word each, with their digit unless that is 1.</summary>
    /// <param name="number">In [0, <see cref="Max"/>].</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="number"/> is outside.</exception>
    public static string Say(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, Max);
        if (number == 0) return Digits[0];
        var (hundreds, tens, ones) = (number / 100, number / 10 % 10, number % 10);
        string[] words = [Power(hundreds, "cent"), Power(tens, "dek"), ones == 0 ? "" : Digits[ones]];
        return string.Join(' ', words.Where(word => word.Length > 0));
    }

    /// <summary>The number that <see cref="Say"/> writes as <paramref name="words"/>; null when there is none.</summary>
    public static int? Read(string words) => Values.TryGetValue(words, out var number) ? number : null;

    private static string Power(int digit, string power) => digit switch
    {
        0 => "",
        1 => power,
        _ => Digits[digit] + power,
    };
}
