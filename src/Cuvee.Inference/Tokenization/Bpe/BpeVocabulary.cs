namespace Cuvee.Inference.Tokenization.Bpe;

/// <summary>The data of a BPE model: spellings, merges by rank, and what happens to characters without a token.</summary>
internal sealed class BpeVocabulary
{
    /// <summary>Spelling to id, without added tokens.</summary>
    public required Dictionary<string, int> Ids { get; init; }

    public required MergeTable Merges { get; init; }

    /// <summary>The pieces are spelt byte by byte in the byte-level alphabet, not character by character.</summary>
    public required bool IsByteLevel { get; init; }

    /// <summary>A piece that is a token as a whole is taken so, even where no sequence of merges makes it.</summary>
    public required bool IgnoreMerges { get; init; }

    /// <summary>Unknown characters are spelt by <c>&lt;0xNN&gt;</c> tokens.</summary>
    public required bool ByteFallback { get; init; }

    /// <summary>Adjacent unknown characters share one unknown token.</summary>
    public required bool FuseUnknown { get; init; }

    /// <summary>Null: unknown characters are dropped, as Hugging Face's library does.</summary>
    public required int? UnknownId { get; init; }

    /// <summary>Left in the high 32 bits, right in the low.</summary>
    public static long PairKey(int left, int right) => ((long)left << 32) | (uint)right;
}
