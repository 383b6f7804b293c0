using System.Globalization;
using System.Text;

namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>
/// .NET's regex sees UTF-16 units, the patterns mean Unicode scalars: "\p{L}" would never match a letter beyond U+FFFF and "." would match
/// half of one. So a text with surrogate pairs is matched through its shadow, in which each pair is replaced by one stand-in, and the
/// matches are mapped back. Stand-ins lie in the private use area and say of a scalar all that the pattern can ask: its general category,
/// and between which of the pattern's own characters it lies. The text's private use characters have a stand-in, too, so that none is
/// mistaken for one.
/// </summary>
/// <param name="boundaries">Sorted, beyond U+FFFF: scalars at which a class of the pattern begins or has just ended.</param>
internal sealed class ScalarShadow(IReadOnlyList<int> boundaries)
{
    public const char First = '\uE000';

    public const char Last = '\uF8FF';

    private const int Categories = (int)UnicodeCategory.OtherNotAssigned + 1;

    private const int MostIntervals = (Last - First + 1) / Categories;

    /// <summary>0 is the private use area of the basic plane; the others are stretches between boundaries, in order.</summary>
    public int Intervals { get; } = boundaries.Count + 2 <= MostIntervals
        ? boundaries.Count + 2
        : throw new ArgumentException($"more than {MostIntervals - 2} characters beyond U+FFFF are not supported");

    /// <summary>Where an interval begins; not for interval 0.</summary>
    public int StartOf(int interval) => interval == 1 ? 0x10000 : boundaries[interval - 2];

    public static char StandIn(int interval, UnicodeCategory category) => (char)(First + (interval * Categories) + (int)category);

    public static bool IsNeeded(ReadOnlySpan<char> text) => text.IndexOfAnyInRange('\uD800', '\uDFFF') >= 0;

    /// <summary>Lone surrogates, which no UTF-8 can hold, become U+FFFD.</summary>
    public static string WellFormed(string text) => IsNeeded(text) ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;

    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="shadow">[scalars + 1] receives the shadow; the return value is its length.</param>
    /// <param name="offsets">[scalars + 1] receives where each scalar starts in <paramref name="text"/>, and the text's length.</param>
    public int Cast(ReadOnlySpan<char> text, Span<char> shadow, Span<int> offsets)
    {
        var count = 0;
        for (var position = 0; position < text.Length; position++)
        {
            offsets[count] = position;
            var character = text[position];
            if (char.IsHighSurrogate(character))
            {
                var scalar = char.ConvertToUtf32(character, text[++position]);
                character = StandIn(IntervalOf(scalar), CharUnicodeInfo.GetUnicodeCategory(scalar));
            }
            else if (character is >= First and <= Last)
            {
                character = StandIn(0, UnicodeCategory.PrivateUse);
            }

            shadow[count++] = character;
        }

        offsets[count] = text.Length;
        return count;
    }

    private int IntervalOf(int scalar)
    {
        var interval = 1;
        while (interval <= boundaries.Count && boundaries[interval - 1] <= scalar) interval++;
        return interval;
    }
}
