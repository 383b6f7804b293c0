namespace Cuvee.Inference.Tokenization;

/// <summary>An entry of <c>added_tokens</c>: found in the text before the model sees it, and never split.</summary>
/// <param name="SingleWord">Only where no word character (<c>\w</c>) touches it.</param>
/// <param name="LeftStrip">Takes the white space before it along.</param>
/// <param name="RightStrip">Takes the white space after it along.</param>
/// <param name="Normalized">Looked for in the normalized text, by its normalized spelling; otherwise in the raw text.</param>
/// <param name="Special">Skipped by default when decoding.</param>
internal sealed record AddedToken(
    int Id, string Content, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized, bool Special)
{
    /// <summary>What stands for the token in normalized text; null: what the normalizer makes of its content.</summary>
    public string? NormalizedSpelling { get; init; }
}
