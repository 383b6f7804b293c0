using System.Buffers.Binary;
using System.Text;

namespace Cuvee.Inference.Tests.Tokenization;

/// <summary>Spells a <c>tokenizer.model</c> field by field (sentencepiece_model.proto).</summary>
internal sealed class SentencePieceBytes
{
    public const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Byte = 6;

    private readonly List<byte> bytes = [];

    public SentencePieceBytes Piece(string text, float score = 0, int type = Normal)
    {
        var number = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(number, score);
        return Message(1, [.. Field(1, Encoding.UTF8.GetBytes(text)), 0x15, .. number, 0x18, (byte)type]);
    }

    /// <param name="modelType">1 Unigram, 2 BPE.</param>
    public SentencePieceBytes Trainer(int modelType = 2, bool byteFallback = false) =>
        Message(2, [0x18, (byte)modelType, .. Varint(35 << 3), byteFallback ? (byte)1 : (byte)0]);

    public SentencePieceBytes Normalizer(bool prefix = true, bool removesSpaces = false, byte[]? map = null, string name = "identity") =>
        Message(3, [.. Field(1, Encoding.UTF8.GetBytes(name)), .. map is null ? [] : Field(2, map),
            0x18, prefix ? (byte)1 : (byte)0, 0x20, removesSpaces ? (byte)1 : (byte)0, 0x28, 1]);

    public byte[] ToArray() => [.. bytes];

    /// <summary>
    /// <c>&lt;unk&gt;</c>, <c>&lt;s&gt;</c>, <c>&lt;/s&gt;</c>, then "▁", "a", "b", "▁a" and "ab", which is the better one.
    /// </summary>
    public static SentencePieceBytes Tiny() => new SentencePieceBytes()
        .Piece("<unk>", 0, Unknown).Piece("<s>", 0, Control).Piece("</s>", 0, Control)
        .Piece("\u2581", -3).Piece("a", -4).Piece("b", -5).Piece("\u2581a", -2).Piece("ab", -1);

    private SentencePieceBytes Message(int number, byte[] content)
    {
        bytes.AddRange(Field(number, content));
        return this;
    }

    private static byte[] Field(int number, byte[] content) => [.. Varint((number << 3) | 2), .. Varint(content.Length), .. content];

    private static byte[] Varint(int value)
    {
        var spelling = new List<byte>();
        for (; value > 0x7F; value >>= 7) spelling.Add((byte)((value & 0x7F) | 0x80));
        return [.. spelling, (byte)value];
    }
}
