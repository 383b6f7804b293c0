using System.Text;
using Cuvee.Inference.Tokenization;
using FsCheck;
using FsCheck.Fluent;

namespace Cuvee.Inference.Tests.Tokenization;

public class TokenizerRoundTripTests
{
    private static readonly Tokenizer Small = Tokenizer.Load(TokenizerFixtures.PathOf("small.tokenizer.json"));

    // Scalars from every plane, with white space, digits, apostrophes and special-token fragments far more often than by chance.
    private static readonly Gen<string> Fragments = Gen.Frequency(
        (2, Gen.Elements(" ", "  ", "\n", "\r\n", "\t", "\u0301", "\u200d", "\u00a0")),
        (2, Gen.Elements("'s", "'LL", "12", "<|", "|>", "<|pad|>", "Ġ", "▁", "<0x0A>")),
        (4, Gen.Elements("the ", "blend", " sentence", "Harbour")),
        (4, Scalars(0, 0x7F)),
        (2, Scalars(0x80, 0x7FF)),
        (2, Scalars(0x800, 0xD7FF)),
        (1, Scalars(0xE000, 0xFFFF)),
        (2, Scalars(0x10000, 0x10FFFF)));

    private static readonly Arbitrary<string> Texts =
        Gen.Select(Gen.ListOf(Fragments), fragments => string.Concat(fragments)).ToArbitrary();

    [Fact]
    public void Decode_EncodedText_ReturnsText() => Prop.ForAll(Texts, text =>
    {
        var ids = Small.Encode(text, addSpecialTokens: false);
        return Small.Decode(ids, skipSpecialTokens: false) == text && ids.All(id => id >= 0 && id < Small.VocabSize);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    [Fact]
    public void Encode_CacheWarmOrCold_SameIds() => Prop.ForAll(Texts, text =>
        Tokenizer.Load(TokenizerFixtures.PathOf("small.tokenizer.json")).Encode(text, true).SequenceEqual(Small.Encode(text, true)))
        .Check(Config.QuickThrowOnFailure.WithMaxTest(50));

    [Fact]
    public void Encode_ManyThreadsOneTokenizer_SameIdsAsAlone()
    {
        var texts = TokenizerFixtures.Texts();
        var alone = texts.Select(text => Small.Encode(text, true)).ToArray();
        var shared = Tokenizer.Load(TokenizerFixtures.PathOf("small.tokenizer.json"));
        var together = new IReadOnlyList<int>[8 * texts.Length];

        Parallel.For(0, together.Length, i => together[i] = shared.Encode(texts[i % texts.Length], true));

        Assert.All(together.Index(), entry => Assert.Equal(alone[entry.Index % texts.Length], entry.Item));
    }

    [Fact]
    public void Decode_AnyIds_GivesWellFormedText() => Prop.ForAll(
        Gen.ListOf(Gen.Choose(0, Small.VocabSize - 1)).ToArbitrary(),
        ids => new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(Small.Decode([.. ids])) >= 0)
        .Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Fact]
    public void Decode_HalfACharacter_GivesReplacementCharacter()
    {
        var ids = Small.Encode("🍷", addSpecialTokens: false);

        Assert.True(ids.Count > 1);
        Assert.Equal("a\uFFFD", Small.Decode([.. Small.Encode("a", false), ids[0]]));
    }

    [Fact]
    public void Decode_SpecialTokens_SkippedUnlessAskedFor()
    {
        var ids = Small.Encode("a<|end_of_text|>b", addSpecialTokens: true);

        Assert.Equal("ab", Small.Decode(ids));
        Assert.Equal("<|begin_of_text|>a<|end_of_text|>b", Small.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void Encode_LoneSurrogate_CountsAsReplacementCharacter() =>
        Assert.Equal(Small.Encode("a\uFFFDb", true), Small.Encode("a\uD83Db", true));

    private static Gen<string> Scalars(int first, int last) => Gen.Select(Gen.Choose(first, last), char.ConvertFromUtf32);
}
