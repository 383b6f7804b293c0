namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary><c>Strip</c>: takes up to <c>start</c> and <c>stop</c> occurrences of a character from the ends of each part.</summary>
internal sealed class StripDecoder(char content, int start, int stop) : ITokenDecoder
{
    public List<DecodedPart> Decode(List<DecodedPart> parts, bool continues) =>
        [.. parts.Select(part => part with { Text = Strip(part.Text, continues ? 0 : start) })];

    private string Strip(string text, int leading)
    {
        var first = 0;
        while (first < leading && first < text.Length && text[first] == content)
            first++;
        var last = text.Length;
        while (text.Length - last < stop && last > first && text[last - 1] == content)
            last--;
        return text[first..last];
    }
}
