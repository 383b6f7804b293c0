using Cuvee.Formats.Json;
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
            throw field.Error("comes after ByteLevel, which must be the last step");
        switch (field["type"].Text())
        {
            case "Sequence":
                foreach (var item in field["pretokenizers"].Items())
                    Read(item, steps, ref isByteLevel);
                break;
            case "ByteLevel":
                if (field.Find("add_prefix_space")?.Boolean() ?? true)
                    steps.Add(new PrefixSpacePreTokenizer());
                if (field.Find("use_regex")?.Boolean() ?? true)
                    steps.Add(Isolate(PretokenizationPattern.Gpt2Text));
                isByteLevel = true;
                break;
            case "Split":
                steps.Add(new SplitPreTokenizer(
                    PatternReader.Read(field["pattern"]), ReadBehavior(field["behavior"]), field.Find("invert")?.Boolean() ?? false));
                break;
            case "Digits":
                var digits = field.Find("individual_digits")?.Boolean() ?? false ? SplitBehavior.Isolated : SplitBehavior.Contiguous;
                steps.Add(new SplitPreTokenizer(PatternMatcher.ForRegex(@"\p{N}"), digits, invert: false));
                break;
            case "Punctuation": // Unicode's, and what ASCII calls so
                var behavior = field.Find("behavior") is { } named ? ReadBehavior(named) : SplitBehavior.Isolated;
                steps.Add(new SplitPreTokenizer(PatternMatcher.ForRegex(@"[\p{P}$+<=>^`|~]"), behavior, invert: false));
                break;
            case "Metaspace":
                steps.Add(ReadMetaspace(field));
                break;
            case var other:
                throw field.Error(
                    $"is a {other}, which is not supported "
                    + "(supported: ByteLevel, Split, Digits, Punctuation, Metaspace, Sequence)");
        }
    }

    private static SplitPreTokenizer Isolate(string pattern) =>
        new(PatternMatcher.ForRegex(pattern), SplitBehavior.Isolated, invert: false);

    public static char ReadCharacter(JsonField field) =>
        field.Text() is [var single] ? single : throw field.Error($"is {field.Shown}; it must be one character");

    private static SplitBehavior ReadBehavior(JsonField field) => field.Text() switch
    {
        "Isolated" => SplitBehavior.Isolated,
        "Removed" => SplitBehavior.Removed,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        var other => throw field.Error($"is the behaviour {other}, which is not known"),
    };

    private static MetaspacePreTokenizer ReadMetaspace(JsonField field) =>
        new(ReadCharacter(field["replacement"]), ReadPrepend(field), field.Find("split")?.Boolean() ?? true);

    /// <summary>Newer files say <c>prepend_scheme</c>, older ones <c>add_prefix_space</c>.</summary>
    public static MetaspacePrepend ReadPrepend(JsonField field) => field.Find("prepend_scheme") is not { } scheme
        ? field.Find("add_prefix_space")?.Boolean() ?? true ? MetaspacePrepend.Always : MetaspacePrepend.Never
        : scheme.Text() switch
        {
            "always" => MetaspacePrepend.Always,
            "first" => MetaspacePrepend.First,
            "never" => MetaspacePrepend.Never,
            var other => throw scheme.Error($"is the scheme {other}, which is not known"),
        };
}
