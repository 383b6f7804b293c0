using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary><c>Metaspace</c>: marks become spaces; the first token loses the mark that encoding put in front.</summary>
internal sealed class MetaspaceDecoder(char replacement, MetaspacePrepend prepend) : ITokenDecoder
{
    public List<DecodedPart> Decode(List<DecodedPart> parts, bool continues)
    {
        var output = new List<DecodedPart>(parts.Count);
        foreach (var part in parts)
        {
            var text = output.Count == 0 && !continues && prepend != MetaspacePrepend.Never && part.Text.StartsWith(replacement)
                ? part.Text[1..]
                : part.Text;
            output.Add(part with { Text = text.Replace(replacement, ' ') });
        }

        return output;
    }
}
