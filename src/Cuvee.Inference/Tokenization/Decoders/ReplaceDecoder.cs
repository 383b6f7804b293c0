using Cuvee.Inference.Tokenization.Normalizers;

namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary><c>Replace</c>: the normalizer of that name, applied to each token.</summary>
internal sealed class ReplaceDecoder(ReplaceNormalizer replacement) : ITokenDecoder
{
    public List<DecodedPart> Decode(List<DecodedPart> parts, bool continues) =>
        [.. parts.Select(part => part with { Text = replacement.Replace(part.Text) })];
}
