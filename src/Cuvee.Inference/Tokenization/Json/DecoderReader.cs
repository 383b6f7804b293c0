using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization.Decoders;

namespace Cuvee.Inference.Tokenization.Json;

/// <summary>Reads <c>decoder</c> into a flat list of steps.</summary>
internal static class DecoderReader
{
    public static void Read(JsonField? field, List<ITokenDecoder> steps)
    {
        if (field is not { } decoder)
            return;
        switch (decoder["type"].Text())
        {
            case "Sequence":
                foreach (var item in decoder["decoders"].Items())
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
                steps.Add(new StripDecoder(
                    PreTokenizerReader.ReadCharacter(decoder["content"]), decoder["start"].Integer(0), decoder["stop"].Integer(0)));
                break;
            case "Metaspace":
                steps.Add(new MetaspaceDecoder(
                    PreTokenizerReader.ReadCharacter(decoder["replacement"]), PreTokenizerReader.ReadPrepend(decoder)));
                break;
            case var other:
                throw decoder.Error(
                    $"is a {other}, which is not supported "
                    + "(supported: ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, Sequence)");
        }
    }
}
