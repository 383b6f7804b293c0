using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.Normalizers;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>normalizer</c> into a flat list of steps.</summary>
internal static class NormalizerReader
{
    public static void Read(JsonField? field, List<ITextNormalizer> steps)
    {
        if (field is not { } normalizer)
            return;
        switch (normalizer["type"].Text())
        {
            case "Sequence":
                foreach (var item in normalizer["normalizers"].Items())
                    Read(item, steps);
                break;
            case "NFC":
                steps.Add(new NfcNormalizer());
                break;
            case "Prepend":
                steps.Add(new PrependNormalizer(normalizer["prepend"].Text()));
                break;
            case "Replace":
                steps.Add(ReadReplace(normalizer));
                break;
            case var other:
                throw normalizer.Error($"is a {other}, which is not supported (supported: NFC, Prepend, Replace, Sequence)");
        }
    }

    public static ReplaceNormalizer ReadReplace(JsonField field) =>
        new(PatternReader.Read(field["pattern"]), field["content"].Text());
}
