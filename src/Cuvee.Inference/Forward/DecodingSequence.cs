using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>One prompt while it is being continued.</summary>
internal sealed class DecodingSequence(int index, int[] prompt, KvCache cache, SeededRandom random, bool[] seen)
{
    /// <summary>Position among the call's prompts.</summary>
    public int Index => index;

    public int[] Prompt => prompt;

    public KvCache Cache => cache;

    public SeededRandom Random => random;

    /// <summary>[vocab], tokens of prompt and completion; empty when nothing asks for it.</summary>
    public bool[] Seen => seen;

    public List<int> Generated { get; } = [];

    public StopReason? StopReason { get; set; }
}
