using Cuvee.Inference.Tokenization.PreTokenizers;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>pre_tokenizer</c> into a flat list of steps.</summary>
internal static class PreTokenizerReader
{
    /// <returns>True when the last step is <c>ByteLevel</c>: pieces are then spelt in bytes.</returns>
    public static bool Read(JsonField? field, List<IPreTokenizer> steps)
    {
        var isByteLevel = false;
        if (field is { } preTokenizer)
            Read(preTokenizer, steps, ref isByteLevel);
        return isByteLevel;
    }

    private static void Read(JsonField field, List<IPreTokenizer> steps, ref bool isByteLevel)
    {
        if (isByteLevel)
            throw field.Fail("a step after ByteLevel is not supported; ByteLevel must come last");
        switch (field.Required("type").Text)
        {
            case "Sequence":
                foreach (var item in field.Required("pretokenizers").Items())
                    Read(item, steps, ref isByteLevel);
                break;
            case "ByteLevel":
                if (field.Flag("add_prefix_space", true))
                    steps.Add(new PrefixSpacePreTokenizer());
                if (field.Flag("use_regex", true))
                    steps.Add(Isolate(PretokenizationPatterns.Gpt2Text));
                isByteLevel = true;
                break;
            case "Split":
                steps.Add(new SplitPreTokenizer(
                    PatternReader.Read(field.Required("pattern")), ReadBehavior(field.Required("behavior")), field.Flag("invert", false)));
                break;
            case "Digits":
                var behavior = field.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous;
                steps.Add(new SplitPreTokenizer(PatternMatcher.ForRegex(@"\p{N}"), behavior, invert: false));
                break;
            case "Metaspace":
                steps.Add(ReadMetaspace(field));
                break;
            case var other:
                throw field.Fail($"the pre-tokenizer {other} is not supported (supported: ByteLevel, Split, Digits, Metaspace, Sequence)");
        }
    }

    private static SplitPreTokenizer Isolate(string pattern) =>
        new(PatternMatcher.ForRegex(pattern), SplitBehavior.Isolated, invert: false);

    private static SplitBehavior ReadBehavior(JsonField field) => field.Text switch
    {
        "Isolated" => SplitBehavior.Isolated,
        "Removed" => SplitBehavior.Removed,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        var other => throw field.Fail($"the behaviour {other} is not known"),
    };

    private static MetaspacePreTokenizer ReadMetaspace(JsonField field) =>
        new(field.Character("replacement"), ReadPrepend(field), field.Flag("split", true));

    /// <summary>Newer files say <c>prepend_scheme</c>, older ones <c>add_prefix_space</c>.</summary>
    public static MetaspacePrepend ReadPrepend(JsonField field) => field.Optional("prepend_scheme") is not { } scheme
        ? field.Flag("add_prefix_space", true) ? MetaspacePrepend.Always : MetaspacePrepend.Never
        : scheme.Text switch
        {
            "always" => MetaspacePrepend.Always,
            "first" => MetaspacePrepend.First,
            "never" => MetaspacePrepend.Never,
            var other => throw scheme.Fail($"the scheme {other} is not known"),
        };
}
