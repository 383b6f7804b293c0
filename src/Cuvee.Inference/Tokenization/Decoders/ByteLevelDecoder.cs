using System.Text;
using Cuvee.Inference.Tokenization.Bpe;

namespace Cuvee.Inference.Tokenization.Decoders;

/// <summary><c>ByteLevel</c>: byte-level spelling back to bytes, then UTF-8 over the whole sequence.</summary>
internal sealed class ByteLevelDecoder : ITokenDecoder
{
    public List<DecodedPart> Decode(List<DecodedPart> parts, bool continues)
    {
        var bytes = new List<byte>(parts.Count * 4);
        foreach (var (text, isAdded) in parts)
        {
            if (isAdded || !ByteLevelAlphabet.TryAppendBytes(text, bytes))
                bytes.AddRange(Encoding.UTF8.GetBytes(text));
        }

        return [new(Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes)), false)];
    }
}
