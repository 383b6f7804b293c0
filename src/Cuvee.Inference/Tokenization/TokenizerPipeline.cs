using Cuvee.Inference.Tokenization.Bpe;
using Cuvee.Inference.Tokenization.Decoders;
using Cuvee.Inference.Tokenization.Normalizers;
using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization;

/// <summary>The parts of a <c>tokenizer.json</c>, read and checked.</summary>
internal sealed class TokenizerPipeline
{
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    public required IReadOnlyList<ITextNormalizer> Normalizers { get; init; }

    public required IReadOnlyList<IPreTokenizer> PreTokenizers { get; init; }

    public required BpeVocabulary Vocabulary { get; init; }

    public required IReadOnlyList<ITokenDecoder> Decoders { get; init; }

    /// <summary>Ids that the post-processor puts before and after the text.</summary>
    public required IReadOnlyList<int> Prefix { get; init; }

    public required IReadOnlyList<int> Suffix { get; init; }
}
