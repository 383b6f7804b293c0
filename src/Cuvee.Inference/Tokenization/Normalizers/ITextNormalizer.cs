using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Normalizers;

/// <summary>One step of <c>normalizer</c>: rewrites a text segment before it is cut into pieces.</summary>
internal interface ITextNormalizer
{
    /// <param name="start">What stands before the segment.</param>
    string Normalize(string text, PieceStart start);
}
