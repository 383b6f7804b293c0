namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>post_processor</c>: what it does to a single text is to put ids before and after it.</summary>
internal static class PostProcessorReader
{
    public static void Read(JsonField? field, List<int> prefix, List<int> suffix)
    {
        if (field is not { } processor)
            return;
        switch (processor.Required("type").Text)
        {
            case "Sequence":
                foreach (var item in processor.Required("processors").Items())
                    Read(item, prefix, suffix);
                break;
            case "ByteLevel": // adjusts character offsets only
                break;
            case "TemplateProcessing":
                ReadTemplate(processor, prefix, suffix);
                break;
            case var other:
                throw processor.Fail($"the post-processor {other} is not supported (supported: TemplateProcessing, ByteLevel, Sequence)");
        }
    }

    private static void ReadTemplate(JsonField template, List<int> prefix, List<int> suffix)
    {
        var before = new List<int>();
        var after = new List<int>();
        var seen = false;
        foreach (var item in template.Required("single").Items())
        {
            if (item.Optional("SpecialToken") is { } special)
            {
                var token = template.Required("special_tokens").Required(special.Required("id").Text);
                (seen ? after : before).AddRange(token.Required("ids").Items().Select(id => id.Id));
            }
            else if (!seen && item.Required("Sequence").Required("id").Text == "A")
                seen = true;
            else
                throw item.Fail("must be a SpecialToken or, once, the Sequence A");
        }

        if (!seen)
            throw template.Fail("single", "the Sequence A is missing");
        prefix.InsertRange(0, before);
        suffix.AddRange(after);
    }
}
