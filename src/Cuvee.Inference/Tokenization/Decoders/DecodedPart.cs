namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary>A token's spelling on its way to text.</summary>
/// <param name="IsAdded">An added token: its content already is text, not byte-level spelling.</param>
internal readonly record struct DecodedPart(string Text, bool IsAdded);
