using System.Text.RegularExpressions;

namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary>
/// A pattern of <c>tokenizer.json</c>, ready to match. The published ones of the common byte-level families are compiled at build time, so
/// that loading such a tokenizer costs no regex compilation.
/// </summary>
internal sealed partial class PretokenizationPattern
{
    public const string Gpt2Text = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public const string Llama3Text =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string QwenText =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>
    /// GPT-2's pattern with digits one by one, each with an optional leading space; see <see cref="BpeTrainer"/> for the reason.
    /// </summary>
    public const string SingleDigitsText = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    // Onigmo, which Hugging Face's library uses, lets ^ and $ match at every line.
    private const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.Multiline;

    private const int LongestPattern = 1 << 14; // characters; published ones have a few hundred

    // For one match; a long word takes microseconds.
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(2);

    private readonly Lazy<Regex> inShadow;

    /// <exception cref="ArgumentException">.NET cannot express the pattern.</exception>
    public PretokenizationPattern(string pattern)
    {
        if (pattern.Length > LongestPattern) throw new ArgumentException($"it has more than {LongestPattern} characters");
        var translator = new PatternTranslator(pattern);
        Shadow = translator.Shadow;
        InBasicPlane = pattern switch
        {
            Gpt2Text => Gpt2(),
            Llama3Text => Llama3(),
            QwenText => Qwen(),
            SingleDigitsText => SingleDigits(),
            _ => Compile(translator.InBasicPlane),
        };
        var shadowed = translator.InShadow(); // refuses now what it cannot say later
        inShadow = new Lazy<Regex>(() => Compile(shadowed));
    }

    /// <summary>For texts without surrogate pairs.</summary>
    public Regex InBasicPlane { get; }

    /// <summary>For what <see cref="Shadow"/> makes of the others; compiled when the first one comes.</summary>
    public Regex InShadow => inShadow.Value;

    public ScalarShadow Shadow { get; }

    private static Regex Compile(string translated) => new(translated, Options | RegexOptions.Compiled, MatchTimeout);

    [GeneratedRegex(Gpt2Text, Options)]
    private static partial Regex Gpt2();

    [GeneratedRegex(Llama3Text, Options)]
    private static partial Regex Llama3();

    [GeneratedRegex(QwenText, Options)]
    private static partial Regex Qwen();

    [GeneratedRegex(SingleDigitsText, Options)]
    private static partial Regex SingleDigits();
}
