using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// A self-supervised task over plain texts, without labels: find the words that follow given cues. It makes copying, on which every
/// extraction task stands, emerge early in the base model's training.
/// </summary>
internal static class CopyTask
{
    public static PromptCompletion Draw(IReadOnlyList<string> texts, SeededRandom random)
    {
        while (true)
        {
            var text = texts[random.NextInt32(texts.Count)];
            var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 6) continue;
            var items = 1 + random.NextInt32(3);
            var cues = new List<string>();
            var answers = new List<string>();
            var from = 0;
            for (var i = 0; i < items && from < words.Length - 2; i++)
            {
                var at = from + random.NextInt32(Math.Max(1, (words.Length - 2 - from) / (items - i)));
                var length = Math.Min(1 + random.NextInt32(3), words.Length - at - 1);
                cues.Add(words[at]);
                answers.Add(string.Join(' ', words[(at + 1)..(at + 1 + length)]));
                from = at + length + 1;
            }

            return new PromptCompletion(
                "copy",
                $"Copy what follows each cue.\nText: {text}\nCues: {string.Join("; ", cues)}\nAnswer:",
                " " + string.Join("; ", answers));
        }
    }
}
