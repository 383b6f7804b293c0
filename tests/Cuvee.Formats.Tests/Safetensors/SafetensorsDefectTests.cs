using System.Buffers.Binary;
using System.Text;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.Safetensors;

/// <summary>Each way to be wrong has a name and a message with the file in it.</summary>
public sealed class SafetensorsDefectTests : IDisposable
{
    private static readonly byte[] One = [0, 0, 0x80, 0x3F];

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Open_UnderEightBytes_FileTooShort(int length) => Refuse(SafetensorsDefect.FileTooShort, new byte[length]);

    [Fact]
    public void Open_PointerOfGitLfs_SaysHowToFetch() => Refuse(
        SafetensorsDefect.GitLfsPointer, [.. "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"u8], "run git lfs pull");

    [Theory]
    [InlineData(100_000_001UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    public void Open_HeaderLengthOverTheLimit_HeaderTooLong(ulong length)
    {
        var bytes = SafetensorsBytes.Of("{}");
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        Refuse(SafetensorsDefect.HeaderTooLong, bytes);
    }

    [Theory]
    [InlineData(3UL)]
    [InlineData(100_000_000UL)]
    public void Open_HeaderLengthOverTheFile_HeaderPastEnd(ulong length)
    {
        var bytes = SafetensorsBytes.Of("{}");
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        Refuse(SafetensorsDefect.HeaderPastEnd, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" {}")]
    [InlineData("[]")]
    public void Open_HeaderWithoutBrace_HeaderStart(string header) => Refuse(SafetensorsDefect.HeaderStart, SafetensorsBytes.Of(header));

    [Fact]
    public void Open_HeaderWithBrokenUtf8_HeaderNotUtf8() =>
        Refuse(SafetensorsDefect.HeaderNotUtf8, SafetensorsBytes.Of([.. "{\""u8, 0xC3, 0x28, .. "\":1}"u8], []));

    [Theory]
    [InlineData("{")]
    [InlineData("{\"t\":}")]
    [InlineData("{}x")]
    [InlineData("{}{}")]
    [InlineData("{/*comment*/}")]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("{\"__metadata__\":{\"a\":\"\\udc00\"}}")]
    [InlineData("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},}")]
    public void Open_HeaderNotJson_InvalidJson(string header) => Refuse(SafetensorsDefect.InvalidJson, SafetensorsBytes.Of(header));

    [Fact]
    public void Open_DeeplyNestedHeader_IsRefusedWithoutRecursion()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 100_000));
        Refuse(SafetensorsDefect.UnknownField, SafetensorsBytes.Of(deep));
        var lists = "{\"t\":{\"shape\":" + new string('[', 100_000);
        Refuse(SafetensorsDefect.WrongFieldType, SafetensorsBytes.Of(lists));
    }

    [Theory]
    [InlineData(
        """{"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\u0074":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""",
        "tensor 't'")]
    [InlineData("""{"t":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", "'dtype' of tensor 't'")]
    [InlineData("""{"t":{"dtype":"F32","shape":[0],"shape":[0],"data_offsets":[0,0]}}""", "'shape' of tensor 't'")]
    [InlineData("""{"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"data_offsets":[0,0]}}""", "'data_offsets' of tensor 't'")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", "'a'")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "'__metadata__'")]
    public void Open_RepeatedKey_DuplicateKey(string header, string named) =>
        Refuse(SafetensorsDefect.DuplicateKey, SafetensorsBytes.Of(header), named);

    [Theory]
    [InlineData("f32")]
    [InlineData("F128")]
    [InlineData("")]
    public void Open_UnheardDtype_UnknownType(string type) =>
        Refuse(SafetensorsDefect.UnknownType, SafetensorsBytes.Of(SafetensorsBytes.Entry(type, "[1]", 0, 4), One), $"'{type}'");

    [Theory]
    [InlineData("BOOL")]
    [InlineData("F4")]
    [InlineData("F6_E2M3")]
    [InlineData("F6_E3M2")]
    [InlineData("U8")]
    [InlineData("I8")]
    [InlineData("F8_E5M2")]
    [InlineData("F8_E4M3")]
    [InlineData("F8_E8M0")]
    [InlineData("F8_E4M3FNUZ")]
    [InlineData("F8_E5M2FNUZ")]
    [InlineData("I16")]
    [InlineData("U16")]
    [InlineData("I32")]
    [InlineData("U32")]
    [InlineData("C64")]
    [InlineData("I64")]
    [InlineData("U64")]
    public void Open_DtypeOfTheFormatNotRead_RefusedType(string type) =>
        Refuse(SafetensorsDefect.RefusedType, SafetensorsBytes.Of(SafetensorsBytes.Entry(type, "[1]", 0, 4), One), $"dtype {type};");

    [Theory]
    [InlineData("""{"t":{"shape":[1],"data_offsets":[0,4]}}""", "'dtype'")]
    [InlineData("""{"t":{"dtype":"F32","data_offsets":[0,4]}}""", "'shape'")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1]}}""", "'data_offsets'")]
    [InlineData("""{"t":{}}""", "'dtype'")]
    public void Open_AbsentField_MissingField(string header, string field) =>
        Refuse(SafetensorsDefect.MissingField, SafetensorsBytes.Of(header, One), field);

    [Fact]
    public void Open_ExtraField_UnknownField() => Refuse(
        SafetensorsDefect.UnknownField,
        SafetensorsBytes.Of("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"scale":2}}""", One),
        "'scale'");

    [Theory]
    [InlineData("""{"t":1}""")]
    [InlineData("""{"t":null}""")]
    [InlineData("""{"t":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":{"0":4}}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,null]}}""")]
    public void Open_FieldOfAnotherKind_WrongFieldType(string header) =>
        Refuse(SafetensorsDefect.WrongFieldType, SafetensorsBytes.Of(header, One), "tensor 't'");

    [Theory]
    [InlineData("""{"__metadata__":{"format":1}}""", "'format'")]
    [InlineData("""{"__metadata__":{"format":null}}""", "'format'")]
    [InlineData("""{"__metadata__":{"format":{}}}""", "'format'")]
    [InlineData("""{"__metadata__":"pt"}""", "'__metadata__'")]
    public void Open_MetadataOfAnotherKind_MetadataNotString(string header, string named) =>
        Refuse(SafetensorsDefect.MetadataNotString, SafetensorsBytes.Of(header), named);

    [Fact]
    public void Open_NegativeDimension_NegativeDimension() =>
        Refuse(SafetensorsDefect.NegativeDimension, SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", "[-1,-1]", 0, 4), One), "tensor 't'");

    [Fact]
    public void Open_SixtyFiveDimensions_TooManyDimensions()
    {
        static string Ones(int count) => $"[{string.Join(',', Enumerable.Repeat(1, count))}]";
        Refuse(SafetensorsDefect.TooManyDimensions, SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", Ones(65), 0, 4), One), "tensor 't'");
        using var reader = SafetensorsReader.Open(
            _folder.Write("ok", SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", Ones(64), 0, 4), One)));
        Assert.Equal(64, reader.Entries["t"].Shape.Count);
    }

    [Theory]
    [InlineData("[2147483648]")]
    [InlineData("[18446744073709551617]")]
    [InlineData("[65536,65536,65536,16384]")] // 2^64 bytes in F32: would wrap to 0
    [InlineData("[2147483647,2147483647,2147483647]")]
    public void Open_ShapeOverSixtyThreeBits_ShapeOverflow(string shape) =>
        Refuse(SafetensorsDefect.ShapeOverflow, SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", shape, 0, 0)), "tensor 't'");

    [Fact]
    public void Open_NegativeOffset_NegativeOffset() =>
        Refuse(SafetensorsDefect.NegativeOffset, SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", "[1]", -4, 0), One), "tensor 't'");

    [Fact]
    public void Open_EndBeforeBegin_OffsetsReversed() =>
        Refuse(SafetensorsDefect.OffsetsReversed, SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", "[1]", 4, 0), One), "tensor 't'");

    [Fact]
    public void Open_CutData_OffsetsPastEnd() =>
        Refuse(SafetensorsDefect.OffsetsPastEnd, SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", "[2]", 0, 8), One), "tensor 't'");

    [Fact]
    public void Open_OffsetOverSixtyThreeBits_OffsetsPastEnd() => Refuse(
        SafetensorsDefect.OffsetsPastEnd,
        SafetensorsBytes.Of("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551616]}}""", One),
        "tensor 't'");

    [Theory]
    [InlineData("F32", "[2]", 4)]
    [InlineData("F64", "[1]", 4)]
    [InlineData("F16", "[1]", 4)]
    [InlineData("F32", "[]", 0)]
    [InlineData("F32", "[0]", 4)]
    public void Open_BytesNotShapeTimesSize_SizeMismatch(string type, string shape, long end) =>
        Refuse(SafetensorsDefect.SizeMismatch, SafetensorsBytes.Of(SafetensorsBytes.Entry(type, shape, 0, end), One), "tensor 't'");

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", "'b'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "'a'")]
    public void Open_UncoveredBytesBetween_Hole(string header, string named) =>
        Refuse(SafetensorsDefect.Hole, SafetensorsBytes.Of(header, new byte[12]), named);

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""")]
    public void Open_SharedBytes_Overlap(string header) =>
        Refuse(SafetensorsDefect.Overlap, SafetensorsBytes.Of(header, new byte[12]), "overlaps");

    [Theory]
    [InlineData("{}", 1)]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5)]
    public void Open_BytesBehindTheLastTensor_TrailingBytes(string header, int length) =>
        Refuse(SafetensorsDefect.TrailingBytes, SafetensorsBytes.Of(header, new byte[length]));

    [Theory]
    [InlineData("F32", new byte[] { 0, 0, 0x80, 0x3F, 0, 0, 0xC0, 0x7F }, 1)]
    [InlineData("F32", new byte[] { 0, 0, 0x80, 0xFF, 0, 0, 0x80, 0x3F }, 0)]
    [InlineData("BF16", new byte[] { 0x80, 0x3F, 0x80, 0x7F }, 1)]
    [InlineData("F16", new byte[] { 0x00, 0x3C, 0x01, 0xFE }, 1)]
    [InlineData("F64", new byte[] { 0, 0, 0, 0, 0, 0, 0xF8, 0x7F }, 0)]
    public void ReadSingles_NaNOrInfinity_NotFinite(string type, byte[] buffer, int index)
    {
        var size = type is "F32" ? 4 : type is "F64" ? 8 : 2;
        using var reader = SafetensorsReader.Open(
            _folder.Write("t", SafetensorsBytes.Of(SafetensorsBytes.Entry(type, $"[{buffer.Length / size}]", 0, buffer.Length), buffer)));
        var e = Assert.Throws<SafetensorsFormatException>(() => reader.ReadSingles("t"));
        Assert.Equal(SafetensorsDefect.NotFinite, e.Defect);
        Assert.Contains($"tensor 't' holds NaN or infinity at index {index};", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadSingles_NaNAtEveryPosition_NamesItsIndex()
    {
        // Every lane and the remainder of the vectorized scan.
        for (var index = 0; index < 37; index++)
        {
            var values = new float[37];
            values[index] = float.NegativeInfinity;
            var bytes = SafetensorsBytes.Of(SafetensorsBytes.Entry("F32", "[37]", 0, 148), [.. values.SelectMany(BitConverter.GetBytes)]);
            using var reader = SafetensorsReader.Open(_folder.Write($"t{index}", bytes));
            Assert.Contains(
                $"index {index};",
                Assert.Throws<SafetensorsFormatException>(() => reader.ReadSingles("t")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ReadSingles_F64OverFp32_ValueOverflow()
    {
        byte[] buffer = [.. BitConverter.GetBytes(1.0), .. BitConverter.GetBytes(-1e39)];
        using var reader = SafetensorsReader.Open(
            _folder.Write("t", SafetensorsBytes.Of(SafetensorsBytes.Entry("F64", "[2]", 0, 16), buffer)));
        var e = Assert.Throws<SafetensorsFormatException>(() => reader.ReadSingles("t"));
        Assert.Equal(SafetensorsDefect.ValueOverflow, e.Defect);
        Assert.Contains("tensor 't' holds -1E+39 at index 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadSingles_MoreElementsThanAnArray_TensorTooLarge()
    {
        // A sparse file: 4 GiB of holes that take no disk and are never touched.
        const long count = 2_147_483_647;
        var path = _folder.Write("t", SafetensorsBytes.Of(SafetensorsBytes.Entry("BF16", $"[{count}]", 0, 2 * count)));
        using (var stream = File.OpenWrite(path)) stream.SetLength(stream.Length + (2 * count));
        using var reader = SafetensorsReader.Open(path);
        Assert.Equal(SafetensorsDefect.TensorTooLarge, Assert.Throws<SafetensorsFormatException>(() => reader.ReadSingles("t")).Defect);
    }

    [Fact]
    public void ReadSingles_UnknownName_NoSuchTensor()
    {
        using var reader = SafetensorsReader.Open(_folder.Write("t", SafetensorsBytes.Of("{}")));
        var e = Assert.Throws<SafetensorsFormatException>(() => reader.ReadSingles("w"));
        Assert.Equal(SafetensorsDefect.NoSuchTensor, e.Defect);
        Assert.Contains("'w'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_RefusedFile_IsNotHeldOpen()
    {
        var path = _folder.Write("t", SafetensorsBytes.Of("{"));
        Assert.Throws<SafetensorsFormatException>(() => SafetensorsReader.Open(path));
        using var exclusive = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.True(exclusive.CanWrite);
    }

    [Fact]
    public void Open_LongTensorName_KeepsTheMessageShort()
    {
        var name = new string('n', 1_000_000);
        var e = Refuse(SafetensorsDefect.WrongFieldType, SafetensorsBytes.Of(Encoding.UTF8.GetBytes($$"""{"{{name}}":1}"""), []));
        Assert.True(e.Message.Length < 1000, $"{e.Message.Length} characters");
    }

    public void Dispose() => _folder.Dispose();

    private SafetensorsFormatException Refuse(SafetensorsDefect defect, byte[] bytes, string named = "")
    {
        var path = _folder.Write("broken.safetensors", bytes);
        var e = Assert.Throws<SafetensorsFormatException>(() => SafetensorsReader.Open(path).Dispose());
        Assert.Equal(defect, e.Defect);
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", e.Message, StringComparison.Ordinal);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        return e;
    }
}
