namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary><c>Fuse</c>: joins everything, so that a later <c>Strip</c> works on the whole text.</summary>
internal sealed class FuseDecoder : ITokenDecoder
{
    public List<DecodedPart> Decode(List<DecodedPart> parts, bool continues) =>
        [new(string.Concat(parts.Select(part => part.Text)), false)];
}
