namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>One step of <c>pre_tokenizer</c>: cuts a piece into smaller pieces, in order, none of them empty.</summary>
internal interface IPreTokenizer
{
    /// <param name="atTextStart">The piece starts where the whole input starts.</param>
    void Split(ReadOnlyMemory<char> piece, bool atTextStart, List<ReadOnlyMemory<char>> pieces);
}
