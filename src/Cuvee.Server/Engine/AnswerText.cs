using Cuvee.Inference;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Server.Engine;

/// <summary>The text of one answer while its tokens come. Not thread-safe.</summary>
/// <param name="stop">Texts that end it and are left out.</param>
/// <param name="closing">Tokens that end it beside the model's own.</param>
internal sealed class AnswerText(Tokenizer tokenizer, IReadOnlyList<string> stop, IReadOnlyList<int> closing)
{
    private readonly List<int> tokens = [];
    private int taken; // characters of Text

    public string Text { get; private set; } = "";

    /// <summary>Generated, without the closing one.</summary>
    public IReadOnlyList<int> Tokens => tokens;

    /// <returns>The answer ends here.</returns>
    public bool Add(int token)
    {
        if (closing.Contains(token)) return true;
        tokens.Add(token);
        Text = tokenizer.DecodeContinuation([.. tokens.Where(tokenizer.HasToken)]);
        var end = StopTexts.Find(Text, stop);
        if (end >= 0) Text = Text[..end];
        return end >= 0;
    }

    /// <summary>What later tokens cannot change: neither half a character nor what may begin a stop text.</summary>
    public string TakeSettled()
    {
        var end = Text.TrimEnd('\uFFFD').Length - stop.Select(text => text.Length - 1).DefaultIfEmpty(0).Max();
        return Take(end > 0 && char.IsHighSurrogate(Text[end - 1]) ? end - 1 : end);
    }

    public string TakeRest() => Take(Text.Length);

    private string Take(int end)
    {
        if (end <= taken) return "";
        var part = Text[taken..end];
        taken = end;
        return part;
    }
}
