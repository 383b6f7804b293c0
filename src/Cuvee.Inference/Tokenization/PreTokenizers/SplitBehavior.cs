namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>What <c>Split</c> does with the delimiter it found (names as in <c>tokenizer.json</c>).</summary>
internal enum SplitBehavior
{
    Isolated,
    Removed,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}
