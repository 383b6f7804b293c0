namespace Cuvee.Inference.Tokenization.Normalizers;

/// <summary><c>Prepend</c>: puts a string before every segment that is not empty and continues none.</summary>
internal sealed class PrependNormalizer(string prefix) : ITextNormalizer
{
    public string Normalize(string text) => text.Length == 0 ? text : prefix + text;
}
