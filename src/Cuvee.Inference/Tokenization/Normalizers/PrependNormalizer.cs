using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Normalizers;

/// <summary><c>Prepend</c>: puts a string before every segment that is not empty and continues none.</summary>
/// <param name="firstSegmentOnly">Not before one that follows an added token.</param>
internal sealed class PrependNormalizer(string prefix, bool firstSegmentOnly = false) : ITextNormalizer
{
    public string Normalize(string text, PieceStart start) =>
        text.Length == 0 || start == PieceStart.Continuation || (firstSegmentOnly && start != PieceStart.Text) ? text : prefix + text;
}
