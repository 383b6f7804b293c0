using System.Text;
using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Inference.Tests.Tokenization;

public class TokenizerJsonReaderTests
{
    // A valid file of four characters and one merge; each test changes one field.
    private const string Valid = """
        {
          "added_tokens": [{"id": 5, "content": "<s>", "special": true}],
          "normalizer": null,
          "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
          "post_processor": null,
          "decoder": {"type": "ByteLevel"},
          "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "Ġ": 3, "ab": 4}, "merges": ["a b"]}
        }
        """;

    [Theory]
    [InlineData("model.type", "\"Unigram\"", "model", "Unigram")]
    [InlineData("model.vocab", "{}", "model.vocab", "empty")]
    [InlineData("model.vocab", "{\"a\": 0, \"b\": 0}", "model.vocab", "twice")]
    [InlineData("model.vocab", "{\"a\": -1}", "model.vocab.a", "not an integer from 0")]
    [InlineData("model.vocab", "{\"a\": 4000000000}", "model.vocab.a", "not an integer from 0")]
    [InlineData("model.vocab", "null", "model.vocab", "is null")]
    [InlineData("model.vocab", "[1]", "model.vocab", "object")]
    [InlineData("model.merges", "[\"a b c\"]", "model.merges[0]", "two tokens")]
    [InlineData("model.merges", "[\"a b\", [\"a\"]]", "model.merges[1]", "two tokens")]
    [InlineData("model.merges", "[\"a c\"]", "model.merges[0]", "model.vocab")]
    [InlineData("model.merges", "{}", "model.merges", "list")]
    [InlineData("model.dropout", "0.1", "model.dropout", "random")]
    [InlineData("model.unk_token", "\"<unk>\"", "model.unk_token", "model.vocab")]
    [InlineData("model.end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix", "not supported")]
    [InlineData("model.ignore_merges", "1", "model.ignore_merges", "true or false")]
    [InlineData("normalizer", "{\"type\": \"BertNormalizer\"}", "normalizer", "BertNormalizer")]
    [InlineData("normalizer", "{}", "normalizer.type", "missing")]
    [InlineData("pre_tokenizer", "{\"type\": \"Whitespace\"}", "pre_tokenizer", "Whitespace")]
    [InlineData(
        "pre_tokenizer",
        "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"ByteLevel\"}, {\"type\": \"Digits\"}]}",
        "pretokenizers[1]",
        "last")]
    [InlineData(
        "pre_tokenizer",
        "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"[a[bc]]\"}, \"behavior\": \"Isolated\"}",
        "pattern.Regex",
        "class")]
    [InlineData(
        "pre_tokenizer",
        "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\p{Han}+\"}, \"behavior\": \"Isolated\"}",
        "pattern.Regex",
        "Han")]
    [InlineData(
        "pre_tokenizer",
        "{\"type\": \"Split\", \"pattern\": {\"String\": \"\"}, \"behavior\": \"Isolated\"}",
        "pattern.String",
        "empty")]
    [InlineData(
        "pre_tokenizer",
        "{\"type\": \"Split\", \"pattern\": {\"String\": \"x\"}, \"behavior\": \"Sideways\"}",
        "behavior",
        "Sideways")]
    [InlineData("post_processor", "{\"type\": \"BertProcessing\"}", "post_processor", "BertProcessing")]
    [InlineData("post_processor", "{\"type\": \"TemplateProcessing\", \"single\": []}", "post_processor.single", "missing")]
    [InlineData(
        "post_processor",
        "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}},{\"Sequence\":{\"id\":\"A\"}}],"
            + "\"special_tokens\":{\"x\":{\"ids\":[99]}}}",
        "post_processor",
        "99")]
    [InlineData("decoder", "{\"type\": \"WordPiece\"}", "decoder", "WordPiece")]
    [InlineData("truncation", "{\"max_length\": 5}", "truncation", "null")]
    [InlineData("padding", "{\"strategy\": {\"Fixed\": 5}}", "padding", "null")]
    [InlineData("added_tokens", "[{\"id\": 5, \"content\": \"\"}]", "added_tokens[0].content", "empty")]
    [InlineData("added_tokens", "[{\"id\": 5, \"content\": \"x\"}, {\"id\": 5, \"content\": \"y\"}]", "added_tokens[1]", "twice")]
    [InlineData("added_tokens", "[{\"content\": \"x\"}]", "added_tokens[0].id", "missing")]
    public void Parse_BadField_NamesFileFieldAndProblem(string path, string value, string field, string problem)
    {
        var exception = Assert.Throws<BadInputException>(() => Parse(With(path, value)));

        Assert.StartsWith("model/tokenizer.json: ", exception.Message, StringComparison.Ordinal);
        Assert.Contains(field, exception.Message, StringComparison.Ordinal);
        Assert.Contains(problem, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\\ud800\": 1}, \"merges\": []}}")]
    public void Parse_NotATokenizer_ThrowsFormatException(string json) => Assert.Throws<BadInputException>(() => Parse(json));

    [Fact]
    public void Encode_PatternBacktracksWithoutEnd_NamesFileAndField()
    {
        var json = With(
            "pre_tokenizer", """{"type": "Split", "pattern": {"Regex": "(a+)+b"}, "behavior": "Isolated", "invert": false}""");
        var error = Assert.Throws<BadInputException>(() => Parse(json).Encode(new string('a', 60), true));
        Assert.StartsWith(
            "model/tokenizer.json: 'pre_tokenizer.pattern.Regex' backtracks without end", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_MergesAsPairs_SameAsStrings() =>
        Assert.Equal([4, 2], Parse(With("model.merges", "[[\"a\", \"b\"]]")).Encode("abc", true));

    [Fact]
    public void Encode_IgnoreMerges_TakesWholePieces()
    {
        const string Vocabulary = "{\"a\": 0, \"b\": 1, \"c\": 2, \"Ġ\": 3, \"ab\": 4, \"Ġcab\": 6}";
        var merging = With("model.vocab", Vocabulary);
        var ignoring = JsonNode.Parse(merging)!;
        ignoring["model"]!["ignore_merges"] = true;

        Assert.Equal([3, 2, 4], Parse(merging).Encode(" cab", true));
        Assert.Equal([6], Parse(ignoring.ToJsonString()).Encode(" cab", true));
    }

    [Theory]
    [InlineData(false, "a<s>b <s> c<s>", new[] { 0, 5, 1, 3, 5, 3, 2, 5 })]
    [InlineData(true, "a<s>b <s> c<s>", new[] { 0, 1, 3, 5, 3, 2 })] // the letters of <s> have no token here and are dropped
    public void Encode_SingleWordToken_OnlyWhereNoWordCharacterTouches(bool singleWord, string text, int[] expected)
    {
        var flag = singleWord ? "true" : "false";
        var json = With("added_tokens", $$"""[{"id": 5, "content": "<s>", "special": true, "single_word": {{flag}}}]""");

        Assert.Equal(expected, Parse(json).Encode(text, true));
    }

    [Fact]
    public void Encode_NormalizedToken_IsFoundInNormalizedText()
    {
        const string Tokens = """[{"id": 5, "content": "é", "normalized": true}, {"id": 6, "content": "è", "normalized": false}]""";
        var root = JsonNode.Parse(With("added_tokens", Tokens))!;
        root["normalizer"] = JsonNode.Parse("""{"type": "NFC"}""");
        var tokenizer = Parse(root.ToJsonString());

        Assert.Equal([0, 5, 5, 1], tokenizer.Encode("ae\u0301éb", true));
        Assert.Equal([6], tokenizer.Encode("è", true));
        Assert.Empty(tokenizer.Encode("e\u0300", true));
    }

    [Theory]
    [InlineData("Removed", new[] { "ab", "c" })]
    [InlineData("Isolated", new[] { "ab", "-", "-", "c", "-" })]
    [InlineData("MergedWithPrevious", new[] { "ab-", "-", "c-" })]
    [InlineData("MergedWithNext", new[] { "ab", "-", "-c", "-" })]
    [InlineData("Contiguous", new[] { "ab", "--", "c", "-" })]
    public void Encode_SplitBehavior_CutsAsDocumented(string behavior, string[] expected)
    {
        // Every piece is a token, so that the ids show the cuts.
        const string Pieces = """{"ab": 0, "-": 1, "c": 2, "--": 3, "ab-": 4, "c-": 5, "-c": 6}""";
        var root = JsonNode.Parse(Valid)!;
        root["added_tokens"] = null;
        root["model"] = JsonNode.Parse($$"""{"type": "BPE", "ignore_merges": true, "vocab": {{Pieces}}, "merges": []}""");
        root["pre_tokenizer"] = JsonNode.Parse($$"""{"type": "Split", "pattern": {"String": "-"}, "behavior": "{{behavior}}"}""");
        var tokenizer = Parse(root.ToJsonString());

        Assert.Equal(expected, tokenizer.Encode("ab--c-", true).Select(tokenizer.TokenOf));
    }

    [Fact]
    public void TokenOf_UnknownId_Throws()
    {
        var tokenizer = Parse(Valid);

        Assert.Equal("<s>", tokenizer.TokenOf(5));
        Assert.Equal(6, tokenizer.VocabSize);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.TokenOf(6));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([-1]));
    }

    private static Tokenizer Parse(string json) => Tokenizer.Parse(Encoding.UTF8.GetBytes(json), "model/tokenizer.json");

    private static string With(string path, string value)
    {
        var root = JsonNode.Parse(Valid)!;
        var keys = path.Split('.');
        var parent = keys.SkipLast(1).Aggregate(root, (node, key) => node[key]!);
        parent[keys[^1]] = JsonNode.Parse(value);
        return root.ToJsonString();
    }
}
