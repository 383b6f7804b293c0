using System.Globalization;
using System.Text;

namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary>
/// <c>ByteFallback</c>: runs of <c>&lt;0xNN&gt;</c> become the UTF-8 text of their bytes, or one U+FFFD per byte if they are not UTF-8.
/// </summary>
internal sealed class ByteFallbackDecoder : ITokenDecoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public List<DecodedPart> Decode(List<DecodedPart> parts, bool continues)
    {
        var output = new List<DecodedPart>(parts.Count);
        var run = new List<byte>();
        foreach (var part in parts)
        {
            if (TryParse(part.Text, out var value))
            {
                run.Add(value);
                continue;
            }

            Flush(run, output);
            output.Add(part);
        }

        Flush(run, output);
        return output;
    }

    public static bool TryParse(string token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static void Flush(List<byte> run, List<DecodedPart> output)
    {
        if (run.Count == 0)
            return;
        try
        {
            output.Add(new(Strict.GetString([.. run]), false));
        }
        catch (DecoderFallbackException)
        {
            output.Add(new(new string('\uFFFD', run.Count), false));
        }

        run.Clear();
    }
}
