using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tests.Engine;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;

namespace Cuvee.Inference.Tests.Text;

/// <summary>A tokenizer that puts <c>&lt;s&gt;</c>, 256, before every text; <c>&lt;/s&gt;</c> is 257.</summary>
public class TextEncoderTests
{
    private static readonly EngineFixture Fixture = EngineFixture.Load("a");

    private static readonly Tokenizer Tokenizer = Tokenizer.Open(Fixture.Folder);

    [Theory]
    [InlineData("none", "auto", 258)] // the model's first end-of-sequence id
    [InlineData("mistral", "auto", 257)] // what the template writes behind an answer
    [InlineData("none", "</s>", 257)]
    [InlineData("none", "none", null)]
    [InlineData("chatml", "none", null)]
    public void Completion_ClosingToken_FollowsTheRules(string template, string completionEnd, int? expected)
    {
        var encoder = Encoder(template, completionEnd, Fixture.Config with { EosTokenIds = [258, 257] });

        Assert.Equal(expected, encoder.ClosingToken);
        int[] text = [.. Tokenizer.Encode(" ab", addSpecialTokens: false)];
        Assert.Equal(expected is { } closing ? [.. text, closing] : text, encoder.Completion(" ab"));
    }

    [Theory]
    [InlineData("none", "<end>", "completion_end names '<end>', which is no token of the model's tokenizer; " +
        "name one of its tokens, auto or none.")]
    [InlineData("chatml", "auto", "Template chatml ends a turn with '<|im_end|>', which is no token of the model's tokenizer; " +
        "name another template, or set completion_end.")]
    public void TextEncoder_ClosingTokenThatIsNone_NamesTheMend(string template, string completionEnd, string expected) =>
        Assert.Equal(expected, Assert.Throws<BadInputException>(() => Encoder(template, completionEnd, Fixture.Config)).Message);

    [Fact]
    public void TextEncoder_ModelWithoutEnd_NamesTheMend()
    {
        var error = Assert.Throws<BadInputException>(() => Encoder("none", "auto", Fixture.Config with { EosTokenIds = [] }));

        Assert.Contains("set eos_token_id in its config.json, or completion_end", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ab")]
    [InlineData("<s>ab")]
    public void Prompt_WithOrWithoutBegin_HasOne(string text)
    {
        var ids = Encoder("none", "auto", Fixture.Config).Prompt(text);

        Assert.Equal([256, .. Tokenizer.Encode("ab", addSpecialTokens: false)], ids);
    }

    [Fact]
    public void Prompt_RenderedByATemplate_HasTheTemplatesTokensOnly()
    {
        Assert.DoesNotContain(256, Encoder("zephyr", "auto", Fixture.Config).Prompt("<|user|>\nab</s>\n<|assistant|>\n"));
        Assert.Equal(1, Encoder("mistral", "auto", Fixture.Config).Prompt("<s>[INST] ab [/INST]").Count(id => id == 256));
        Assert.Equal(256, Encoder("alpaca", "auto", Fixture.Config).Prompt("### Instruction:\nab")[0]); // it writes no special token
    }

    private static TextEncoder Encoder(string template, string completionEnd, LlamaConfig config) => new(
        Tokenizer, config, TextRules.Choose(template, completionEnd, false, new ModelChat(null, "", "<s>", "</s>")));
}
