using Cuvee.Inference.Tokenization.Decoders;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>decoder</c> into a flat list of steps.</summary>
internal static class DecoderReader
{
    public static void Read(JsonField? field, List<ITokenDecoder> steps)
    {
        if (field is not { } decoder)
            return;
        switch (decoder.Required("type").Text)
        {
            case "Sequence":
                foreach (var item in decoder.Required("decoders").Items())
                    Read(item, steps);
                break;
            case "ByteLevel":
                steps.Add(new ByteLevelDecoder());
                break;
            case "ByteFallback":
                steps.Add(new ByteFallbackDecoder());
                break;
            case "Fuse":
                steps.Add(new FuseDecoder());
                break;
            case "Replace":
                steps.Add(new ReplaceDecoder(NormalizerReader.ReadReplace(decoder)));
                break;
            case "Strip":
                steps.Add(new StripDecoder(decoder.Character("content"), decoder.Required("start").Count, decoder.Required("stop").Count));
                break;
            case "Metaspace":
                steps.Add(new MetaspaceDecoder(decoder.Character("replacement"), PreTokenizerReader.ReadPrepend(decoder)));
                break;
            case var other:
                throw decoder.Fail(
                    $"the decoder {other} is not supported "
                    + "(supported: ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, Sequence)");
        }
    }
}
