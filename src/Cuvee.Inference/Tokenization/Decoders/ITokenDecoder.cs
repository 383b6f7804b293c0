namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary>One step of <c>decoder</c>: rewrites token spellings towards text; the last step's strings are concatenated.</summary>
internal interface ITokenDecoder
{
    List<DecodedPart> Decode(List<DecodedPart> parts);
}
