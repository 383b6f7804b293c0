namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>One step of <c>pre_tokenizer</c>: cuts a piece into smaller pieces, in order, none of them empty.</summary>
internal interface IPreTokenizer
{
    void Split(ReadOnlyMemory<char> piece, PieceStart start, List<ReadOnlyMemory<char>> pieces);
}

/// <summary>What stands before a piece: it decides about leading spaces and marks.</summary>
internal enum PieceStart
{
    /// <summary>Nothing: the whole input starts here.</summary>
    Text,

    /// <summary>An added token, or another piece.</summary>
    Inside,

    /// <summary>Text that was encoded apart and that this one continues.</summary>
    Continuation,
}
