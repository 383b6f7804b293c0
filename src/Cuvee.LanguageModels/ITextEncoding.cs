namespace Cuvee.LanguageModels;

/// <summary>A model's tokens, for wire formats that speak in ids. Thread-safe.</summary>
public interface ITextEncoding
{
    /// <summary>Closes every completion; null where completions end without a token.</summary>
    int? ClosingToken { get; }

    /// <summary>By the run's rule for special tokens.</summary>
    IReadOnlyList<int> Prompt(string text);

    /// <summary>As the continuation of the prompt, then <see cref="ClosingToken"/>.</summary>
    IReadOnlyList<int> Completion(string text);

    /// <summary>Text of a completion's ids; where they end inside a character, U+FFFD stands for its bytes.</summary>
    string Decode(IReadOnlyList<int> ids);
}
