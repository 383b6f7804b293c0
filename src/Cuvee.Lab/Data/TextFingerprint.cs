using System.Text;

namespace Cuvee.Lab.Data;

/// <summary>
/// The letters and digits of a text, lower-cased: two texts with the same fingerprint are the same text, however spaced or punctuated.
/// </summary>
public static class TextFingerprint
{
    public static string Of(string text)
    {
        var letters = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune)) letters.Append(Rune.ToLowerInvariant(rune));
        }

        return letters.ToString();
    }
}
