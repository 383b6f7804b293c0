namespace Cuvee.Inference.Tokenization.Normalizers;

/// <summary>One step of <c>normalizer</c>: rewrites a text segment before it is cut into pieces.</summary>
internal interface ITextNormalizer
{
    string Normalize(string text);
}
