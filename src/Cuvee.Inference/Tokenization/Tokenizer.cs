namespace Cuvee.Inference.Tokenization;

/// <summary>A Hugging Face <c>tokenizer.json</c> (byte-level BPE). Immutable and thread-safe.</summary>
public sealed class Tokenizer
{
    private Tokenizer()
    {
    }

    public static Tokenizer Load(string tokenizerJsonPath) => throw new NotImplementedException();

    public int VocabSize => throw new NotImplementedException();

    /// <param name="addSpecialTokens">Apply the post-processor's rule (such as a leading BOS).</param>
    public IReadOnlyList<int> Encode(string text, bool addSpecialTokens) => throw new NotImplementedException();

    /// <summary>Special tokens are skipped; bytes that do not form UTF-8 become U+FFFD.</summary>
    public string Decode(IReadOnlyList<int> ids, bool skipSpecialTokens = true) => throw new NotImplementedException();

    /// <summary>The token's on-disk spelling (byte-level alphabet).</summary>
    public string TokenOf(int id) => throw new NotImplementedException();

    public int? IdOf(string token) => throw new NotImplementedException();
}
