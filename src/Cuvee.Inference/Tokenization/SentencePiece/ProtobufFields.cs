using System.Buffers.Binary;
using System.Text;

namespace Cuvee.Inference.Tokenization.SentencePiece;

/// <summary>The fields of one protobuf message, one after the other; what is not asked for is passed over.</summary>
/// <remarks>
/// Every length is checked against the bytes that are there: an end before its time is an <see cref="InvalidDataException"/>.
/// </remarks>
internal ref struct ProtobufFields(ReadOnlySpan<byte> message)
{
    private const int Varint = 0, Fixed64 = 1, LengthDelimited = 2, Fixed32 = 5; // wire types

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> rest = message;
    private int wireType;

    /// <summary>Of the field whose value is read next.</summary>
    public int Number { get; private set; }

    /// <returns>False at the message's end.</returns>
    public bool Next()
    {
        if (rest.IsEmpty) return false;
        var tag = ReadVarint();
        (Number, wireType) = ((int)Math.Min(tag >> 3, int.MaxValue), (int)(tag & 7));
        return true;
    }

    /// <summary>Integers, enumerations and truth values.</summary>
    public long Integer()
    {
        Require(Varint);
        return (long)ReadVarint();
    }

    public bool Boolean() => Integer() != 0;

    public float Single()
    {
        Require(Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));
    }

    public ReadOnlySpan<byte> Bytes()
    {
        Require(LengthDelimited);
        return Take(ReadVarint());
    }

    public string Text()
    {
        try
        {
            return Utf8.GetString(Bytes());
        }
        catch (DecoderFallbackException exception)
        {
            throw new InvalidDataException("a text is not UTF-8", exception);
        }
    }

    public void Skip() => _ = wireType switch
    {
        Varint => (long)ReadVarint(),
        Fixed64 => Take(sizeof(long)).Length,
        LengthDelimited => Take(ReadVarint()).Length,
        Fixed32 => Take(sizeof(float)).Length,
        _ => throw new InvalidDataException($"field {Number} has the wire type {wireType}"),
    };

    private readonly void Require(int expected)
    {
        if (wireType != expected) throw new InvalidDataException($"field {Number} has the wire type {wireType} instead of {expected}");
    }

    private ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var part = Take(1)[0];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }

        throw new InvalidDataException("a number has more than ten bytes");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)rest.Length) throw new InvalidDataException("it ends before its time");
        var taken = rest[..(int)length];
        rest = rest[(int)length..];
        return taken;
    }
}
