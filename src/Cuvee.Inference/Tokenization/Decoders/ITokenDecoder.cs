namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary>One step of <c>decoder</c>: rewrites token spellings towards text; the last step's strings are concatenated.</summary>
internal interface ITokenDecoder
{
    /// <param name="continues">The parts continue a text: what encoding puts before a text's first token is not taken away.</param>
    List<DecodedPart> Decode(List<DecodedPart> parts, bool continues);
}
