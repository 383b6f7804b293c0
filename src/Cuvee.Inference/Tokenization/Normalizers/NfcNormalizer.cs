using System.Text;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Normalizers;

/// <summary><c>NFC</c>: canonical decomposition, canonical ordering, canonical composition (UAX #15).</summary>
internal sealed class NfcNormalizer : ITextNormalizer
{
    // Hangul syllables are arithmetic: S = SBase + (L * VCount + V) * TCount + T (The Unicode Standard, section 3.12).
    private const int SBase = 0xAC00, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7;
    private const int LCount = 19, VCount = 21, TCount = 28, SCount = LCount * VCount * TCount;

    private const char FirstThatMayChange = '\u0300'; // everything below is in NFC and starts a new sequence

    public string Normalize(string text, PieceStart _) => Compose(text);

    /// <returns>The same instance where nothing changes.</returns>
    public static string Compose(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange('\0', (char)(FirstThatMayChange - 1)) < 0)
            return text;
        var mappings = CanonicalMappings.Instance;
        if (!MayChange(text, mappings))
            return text;
        var scalars = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, scalars, mappings);
        Reorder(scalars, mappings);
        var output = new StringBuilder(text.Length);
        foreach (var scalar in Compose(scalars, mappings))
            output.Append(new Rune(scalar).ToString());
        return output.ToString();
    }

    private static bool MayChange(string text, CanonicalMappings mappings)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            var scalar = rune.Value;
            var isJamo = scalar is (>= VBase and < VBase + VCount) or (> TBase and < TBase + TCount);
            if (scalar >= FirstThatMayChange && (isJamo || mappings.MayChange(scalar)))
                return true;
        }

        return false;
    }

    private static void Decompose(int scalar, List<int> output, CanonicalMappings mappings)
    {
        var syllable = scalar - SBase;
        if (syllable is >= 0 and < SCount)
        {
            output.Add(LBase + syllable / (VCount * TCount));
            output.Add(VBase + syllable % (VCount * TCount) / TCount);
            if (syllable % TCount != 0)
                output.Add(TBase + syllable % TCount);
        }
        else if (mappings.TryDecompose(scalar, out var parts))
        {
            Decompose(parts.First, output, mappings);
            if (parts.Second is { } second)
                Decompose(second, output, mappings);
        }
        else
            output.Add(scalar);
    }

    /// <summary>Sorts each run of non-starters by combining class, stably.</summary>
    private static void Reorder(List<int> scalars, CanonicalMappings mappings)
    {
        for (var start = 0; start < scalars.Count; start++)
        {
            if (mappings.ClassOf(scalars[start]) == 0)
                continue;
            var end = start + 1;
            while (end < scalars.Count && mappings.ClassOf(scalars[end]) != 0)
                end++;
            if (end - start > 1)
            {
                var run = scalars.GetRange(start, end - start).OrderBy(mappings.ClassOf).ToArray(); // OrderBy is stable
                for (var i = 0; i < run.Length; i++)
                    scalars[start + i] = run[i];
            }

            start = end;
        }
    }

    private static List<int> Compose(List<int> scalars, CanonicalMappings mappings)
    {
        var output = new List<int>(scalars.Count);
        var starter = -1;   // index in output of the last starter
        var lastClass = 0;  // class of the last scalar kept after it, 0 if none
        foreach (var scalar in scalars)
        {
            var combiningClass = mappings.ClassOf(scalar);
            // Blocked: something of the same or a higher class, or another starter, stands between.
            var adjacent = starter == output.Count - 1;
            if (starter >= 0 && (adjacent || lastClass < combiningClass) && TryCompose(output[starter], scalar, mappings, out var composed))
            {
                output[starter] = composed;
                continue;
            }

            output.Add(scalar);
            lastClass = combiningClass;
            if (combiningClass == 0)
                starter = output.Count - 1;
        }

        return output;
    }

    private static bool TryCompose(int first, int second, CanonicalMappings mappings, out int composed)
    {
        if (first - LBase is >= 0 and < LCount && second - VBase is >= 0 and < VCount)
        {
            composed = SBase + ((first - LBase) * VCount + (second - VBase)) * TCount;
            return true;
        }

        if (first - SBase is >= 0 and < SCount && (first - SBase) % TCount == 0 && second - TBase is > 0 and < TCount)
        {
            composed = first + (second - TBase);
            return true;
        }

        return mappings.TryCompose(first, second, out composed);
    }
}
