using Cuvee.Formats.Gguf;
using Cuvee.Numerics;

namespace Cuvee.Formats.Tests.Gguf;

public sealed class GgufReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Open_EveryValueType_IsReadAsItsKind()
    {
        var metadata = Open(GgufBytes.File(
            14,
            file => file
                .Text("u8").U32(0).Raw([200]).Text("i8").U32(1).Raw([0xFF]).Text("u16").U32(2).Raw([1, 2]).Text("i16").U32(3).Raw([0xFE,
                    0xFF])
                .Text("u32").U32(4).U32(7).Text("i32").U32(5).U32(0xFFFFFFF0).Text("f32").U32(6).Raw(BitConverter.GetBytes(1e-5f))
                .Text("bool").U32(7).Raw([1]).Text("text").U32(8).Text("häh").Text("texts").U32(9).U32(8).U64(2).Text("a").Text("")
                .Text("numbers").U32(9).U32(6).U64(1).Raw(BitConverter.GetBytes(2f)).Text("u64").U32(10).U64(9).Text("i64").U32(11).U64(8)
                .Text("f64").U32(12).Raw(BitConverter.GetBytes(0.5)),
            0, _ => { }, [])).Metadata;
        Assert.Equal(200, metadata.Integer("u8", 0));
        Assert.Equal(-1, metadata.Integer("i8", -1));
        Assert.Equal(513, metadata.Integer("u16", 0));
        Assert.Equal(-2, metadata.Integer("i16", -2));
        Assert.Equal(7, metadata.Integer("u32", 0));
        Assert.Equal(-16, metadata.Integer("i32", -16));
        Assert.Equal(1e-5, metadata.FindNumber("f32")); // the decimal that was meant, not the nearest double of the float
        Assert.True(metadata.FindBoolean("bool"));
        Assert.Equal("häh", metadata.Text("text"));
        Assert.Equal(["a", ""], metadata.FindTexts("texts")!);
        Assert.Equal([2f], metadata.FindNumbers("numbers")!);
        Assert.Equal(9, metadata.Integer("u64", 0));
        Assert.Equal(8, metadata.Integer("i64", 0));
        Assert.Equal(0.5, metadata.FindNumber("f64"));
        Assert.Null(metadata.FindText("absent"));
    }

    [Fact]
    public void Matrix_EveryFormat_IsWidenedAndReversed()
    {
        byte[] q8 = [0x00, 0x38, .. Enumerable.Range(-16, 32).Select(i => (byte)(sbyte)i)]; // scale 0.5
        byte[] data =
        [
            .. new float[] { 1, 2, 3, 4, 5, 6 }.SelectMany(BitConverter.GetBytes), .. new byte[8], // 24 bytes, then to 32
            0x00, 0x3C, 0x00, 0xC0, .. new byte[28], // F16 1, -2
            0x80, 0x3F, 0x00, 0xC0, .. new byte[28], // BF16 1, -2
            .. q8, .. new byte[30],
        ];
        var file = Open(GgufBytes.File(
            0, _ => { },
            4, tensors => tensors.Tensor("a", 0, 0, 3, 2).Tensor("b", 1, 32, 2).Tensor("c", 30, 64, 2, 1).Tensor("d", 8, 96, 32), data));
        Assert.Equal([2, 3], file.Tensors["a"].Shape);
        Assert.Equal((2, 3), (file.Matrix("a").Rows, file.Matrix("a").Columns));
        Assert.Equal([1, 2, 3, 4, 5, 6], file.Matrix("a").ToSingles());
        Assert.Equal([1, -2], file.Matrix("b").ToSingles());
        Assert.Equal((StorageFormat.BF16, 1, 2), (file.Matrix("c").Format, file.Matrix("c").Rows, file.Matrix("c").Columns));
        Assert.Equal([1, -2], file.Matrix("c").ToSingles());
        Assert.Equal([.. Enumerable.Range(-16, 32).Select(i => i * 0.5f)], file.Matrix("d").ToSingles());
        Assert.Contains("'e'", Assert.Throws<BadInputException>(() => file.Matrix("e")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OtherAlignment_IsHonoured()
    {
        var bytes = new GgufBytes().Raw("GGUF"u8).U32(2).U64(1).U64(1).Text("general.alignment").U32(4).U32(64).Tensor("a", 0, 0,
            1).ToArray();
        var padded = bytes.Concat(new byte[(64 - (bytes.Length % 64)) % 64]).Concat(BitConverter.GetBytes(3f)).ToArray();
        Assert.Equal([3f], Open(padded).Matrix("a").ToSingles());
    }

    /// <summary>Each is one sentence that names the file; none allocates what the header claims.</summary>
    [Theory]
    [MemberData(nameof(Hostile))]
    public void Open_BrokenHeader_IsRefused(string defect, byte[] bytes, string named)
    {
        var path = Save(bytes);
        var message = Assert.Throws<BadInputException>(() => GgufReader.Open(path)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.True(message.Contains(named, StringComparison.Ordinal), $"{defect}: {message}");
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    public static TheoryData<string, byte[], string> Hostile()
    {
        static byte[] Tensors(int count, Action<GgufBytes> tensors, int data = 64) =>
            GgufBytes.File(0, _ => { }, count, tensors, new byte[data]);
        static byte[] Entries(int count, Action<GgufBytes> entries) => GgufBytes.File(count, entries, 0, _ => { }, []);
        static GgufBytes Head(ulong tensors, ulong entries) => new GgufBytes().Raw("GGUF"u8).U32(3).U64(tensors).U64(entries);
        return new TheoryData<string, byte[], string>
        {
            { "empty", [], "is empty" },
            { "two bytes", [0x47, 0x47], "'GGUF'" },
            { "magic", [.. "GGML"u8, .. new byte[32]], "'GGUF'" },
            {
                "pointer", [.. "version https://git-lfs.github.com/spec/v1\n"u8],
                "is a Git LFS pointer, not the file itself; run git lfs pull"
            },
            { "version 1", [.. "GGUF"u8, 1, 0, 0, 0, .. new byte[32]], "version 1" },
            { "version 4", [.. "GGUF"u8, 4, 0, 0, 0, .. new byte[32]], "version 4" },
            { "big-endian", [.. "GGUF"u8, 0, 0, 0, 3, .. new byte[32]], "big-endian" },
            { "cut counts", [.. "GGUF"u8, 3, 0, 0, 0, 1], "ends inside its header" },
            { "counts without entries", Head(0, ulong.MaxValue).ToArray(), "ends inside its header" },
            { "counts without tensors", Head(ulong.MaxValue, 0).ToArray(), "ends inside its header" },
            { "key length", Head(0, 1).U64(ulong.MaxValue).Raw(new byte[64]).ToArray(), "ends inside its header" },
            { "key UTF-8", Head(0, 1).U64(1).Raw([0xFF]).U32(4).U32(1).ToArray(), "not valid UTF-8" },
            { "key twice", Entries(2, file => file.Text("a").U32(7).Raw([1]).Text("a").U32(7).Raw([1])), "'a' stands twice" },
            { "value type", Entries(1, file => file.Text("a").U32(13).U32(0)), "type 13" },
            { "element type", Entries(1, file => file.Text("a").U32(9).U32(9).U64(0)), "type 9" },
            { "text length", Head(0, 1).Text("a").U32(8).U64(1UL << 62).ToArray(), "ends inside its header" },
            { "list length", Head(0, 1).Text("a").U32(9).U32(12).U64(1UL << 61).Raw(new byte[16]).ToArray(), "ends inside its header" },
            { "texts length", Head(0, 1).Text("a").U32(9).U32(8).U64(1UL << 60).Raw(new byte[16]).ToArray(), "ends inside its header" },
            { "alignment 0", Entries(1, file => file.Text("general.alignment").U32(4).U32(0)), "'general.alignment'" },
            { "alignment 48", Entries(1, file => file.Text("general.alignment").U32(4).U32(48)), "power of 2" },
            { "alignment text", Entries(1, file => file.Text("general.alignment").U32(8).Text("32")), "'general.alignment'" },
            { "long name", Tensors(1, file => file.Tensor(new string('n', 64), 0, 0, 1)), "longer than 63 bytes" },
            { "no dimension", Tensors(1, file => file.Tensor("a", 0, 0)), "0 dimensions" },
            { "five dimensions", Tensors(1, file => file.Tensor("a", 0, 0, 1, 1, 1, 1, 1)), "5 dimensions" },
            { "dimension 0", Tensors(1, file => file.Tensor("a", 0, 0, 4, 0)), "dimension of 0" },
            { "dimension 2^31", Tensors(1, file => file.Tensor("a", 0, 0, 1UL << 31)), "dimension of 2147483648" },
            { "elements", Tensors(1, file => file.Tensor("a", 0, 0, 1 << 30, 1 << 30, 1 << 30, 1 << 30)), "too many elements" },
            { "rows", Tensors(1, file => file.Tensor("a", 0, 0, 1, 1 << 20, 1 << 20)), "too many elements" },
            { "type Q4_K", Tensors(1, file => file.Tensor("a", 12, 0, 256)), "Q4_K" },
            { "type 99", Tensors(1, file => file.Tensor("a", 99, 0, 1)), "ggml type 99" },
            { "half a block", Tensors(1, file => file.Tensor("a", 8, 0, 48)), "whole blocks of 32" },
            { "offset", Tensors(1, file => file.Tensor("a", 0, 32, 1)), "begins at byte 32, not 0" },
            { "overlap", Tensors(2, file => file.Tensor("a", 0, 0, 9).Tensor("b", 0, 32, 1)), "begins at byte 32, not 64" },
            { "offset past all", Tensors(1, file => file.Tensor("a", 0, ulong.MaxValue, 1)), "begins at byte 18446744073709551615" },
            { "tensor twice", Tensors(2, file => file.Tensor("a", 0, 0, 1).Tensor("a", 0, 32, 1)), "'a' stands twice" },
            { "data cut", Tensors(1, file => file.Tensor("a", 0, 0, 17), data: 64), "was cut" },
            { "data of 2^60 bytes", Tensors(1, file => file.Tensor("a", 0, 0, 1 << 29, 1 << 29)), "was cut" },
        };
    }

    [Fact]
    public void Open_EveryPrefixOfAFile_IsRefused()
    {
        var whole = GgufBytes.File(
            1, file => file.Text("k").U32(9).U32(8).U64(1).Text("v"), 1, file => file.Tensor("a", 0, 0, 2), [.. new byte[8]]);
        for (var length = 0; length < whole.Length; length++)
        {
            var path = Save(whole[..length]);
            Assert.StartsWith(path, Assert.Throws<BadInputException>(() => GgufReader.Open(path)).Message, StringComparison.Ordinal);
        }

        Assert.Equal(["v"], Open(whole).Metadata.FindTexts("k")!);
    }

    [Fact]
    public void Open_Missing_IsRefused() =>
        Assert.Contains("cannot be read", Assert.Throws<BadInputException>(() => GgufReader.Open(folder.File("none.gguf"))).Message);

    public void Dispose() => folder.Dispose();

    private GgufReader Open(byte[] bytes) => GgufReader.Open(Save(bytes));

    private string Save(byte[] bytes)
    {
        var path = folder.File("x.gguf");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
