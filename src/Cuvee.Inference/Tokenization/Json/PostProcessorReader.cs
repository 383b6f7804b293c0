using Cuvee.Formats.Json;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>post_processor</c>: what it does to a single text is to put ids before and after it.</summary>
internal static class PostProcessorReader
{
    public static void Read(JsonField? field, List<int> prefix, List<int> suffix)
    {
        if (field is not { } processor)
            return;
        switch (processor["type"].Text())
        {
            case "Sequence":
                foreach (var item in processor["processors"].Items())
                    Read(item, prefix, suffix);
                break;
            case "ByteLevel": // adjusts character offsets only
                break;
            case "TemplateProcessing":
                ReadTemplate(processor, prefix, suffix);
                break;
            case var other:
                throw processor.Error($"is a {other}, which is not supported (supported: TemplateProcessing, ByteLevel, Sequence)");
        }
    }

    private static void ReadTemplate(JsonField template, List<int> prefix, List<int> suffix)
    {
        var before = new List<int>();
        var after = new List<int>();
        var seen = false;
        foreach (var item in template["single"].Items())
        {
            if (item.Find("SpecialToken") is { } special)
            {
                var token = template["special_tokens"][special["id"].Text()];
                (seen ? after : before).AddRange(token["ids"].Items().Select(TokenId.Read));
            }
            else if (!seen && item["Sequence"]["id"].Text() == "A")
                seen = true;
            else
                throw item.Error("must be a SpecialToken or, once, the Sequence A");
        }

        if (!seen)
            throw template.Error("single", "is missing the Sequence A");
        prefix.InsertRange(0, before);
        suffix.AddRange(after);
    }
}
