using Cuvee.Formats.Gguf;
using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;
using FsCheck;
using FsCheck.Fluent;

namespace Cuvee.Formats.Tests.Gguf;

public sealed class GgufWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Write_SmallFile_GivesTheLiteralBytes()
    {
        var metadata = new GgufMetadata("x");
        metadata.Add("general.architecture", "llama");
        metadata.Add("n", 7u);
        metadata.Add("yes", true);
        metadata.Add("types", [1, 3]);
        metadata.Add("texts", ["a", "bc"]);
        metadata.Add("scores", [0.5f]);
        metadata.Add("eps", 2f);
        var path = Write(metadata, Tensor("w", [2, 3], StorageFormat.F32, 1, 2, 3, 4, 5, 6), Tensor("h", [2], StorageFormat.F16, 1, -2));
        var expected = GgufBytes.File(
            7,
            file => file.Text("general.architecture").U32(8).Text("llama").Text("n").U32(4).U32(7).Text("yes").U32(7).Raw([1])
                .Text("types").U32(9).U32(5).U64(2).U32(1).U32(3).Text("texts").U32(9).U32(8).U64(2).Text("a").Text("bc")
                .Text("scores").U32(9).U32(6).U64(1).Raw(BitConverter.GetBytes(0.5f)).Text("eps").U32(6).Raw(BitConverter.GetBytes(2f)),
            2,
            file => file.Tensor("w", 0, 0, 3, 2).Tensor("h", 1, 32, 2),
            [.. new float[] { 1, 2, 3, 4, 5, 6 }.SelectMany(BitConverter.GetBytes), .. new byte[8], 0x00, 0x3C, 0x00, 0xC0,
                .. new byte[28]]);
        Assert.Equal(expected, File.ReadAllBytes(path));
    }

    [Fact]
    public void Write_Q80_RoundsToScaleAndBytes()
    {
        var path = Write(new GgufMetadata("x"), Tensor("q", [32], StorageFormat.Q80,
            [.. Enumerable.Range(0, 32).Select(i => i == 0 ? -127f : i)]));
        Assert.Equal([0x00, 0x3C, 0x81, .. Enumerable.Range(1, 31).Select(i => (byte)i)], File.ReadAllBytes(path)[^64..^30]);
    }

    [Theory]
    [InlineData(StorageFormat.F32, float.NaN, "NaN")]
    [InlineData(StorageFormat.Q80, float.PositiveInfinity, "NaN or infinity in row 1")]
    [InlineData(StorageFormat.F16, 65520f, "too large for F16")]
    [InlineData(StorageFormat.F16, -1e6f, "too large for F16")]
    [InlineData(StorageFormat.BF16, float.MaxValue, "too large for BF16")]
    [InlineData(StorageFormat.Q80, 1e8f, "too large for Q8_0")]
    public void Write_ValueThatDoesNotFit_IsNamedAndNothingIsWritten(StorageFormat format, float value, string named)
    {
        var values = new float[64];
        values[40] = value;
        var path = folder.File("x.gguf");
        var e = Assert.Throws<BadInputException>(() => Write(new GgufMetadata("x"), Tensor("w", [2, 32], format, values)));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.Contains("'w'", e.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_LargestFittingHalf_IsFinite()
    {
        var path = Write(new GgufMetadata("x"), Tensor("w", [1], StorageFormat.F16, 65519.996f));
        Assert.Equal([65504f], GgufReader.Open(path).Matrix("w").ToSingles());
    }

    [Fact]
    public void Write_AnyTensorsAndKeys_ReadBackAlike()
    {
        var tensors = Gen.Choose(1, 5).SelectMany(rows => Gen.Choose(1, 70).SelectMany(columns =>
            Gen.Choose(-1000, 1000).ArrayOf(rows * columns).Select(values => (Shape: new[] { rows, columns }, Values: values))));
        var keys = Gen.Zip(ArbMap.Default.GeneratorFor<NonNull<string>>().Select(text => text.Get), Gen.Choose(0, int.MaxValue));
        Prop.ForAll(Arb.From(Gen.Zip(tensors.ListOf(), keys.ListOf())), given =>
        {
            var metadata = new GgufMetadata("x");
            var texts = given.Item2.Select(pair => System.Text.RegularExpressions.Regex.Replace(pair.Item1, @"\p{Cs}", "?")).ToArray();
            metadata.Add("texts", texts);
            for (var i = 0; i < given.Item2.Count; i++) metadata.Add($"key{i}", (uint)given.Item2[i].Item2);
            var path = Write(metadata, [.. given.Item1.Select((tensor, i) => Tensor(
                $"t{i}", tensor.Shape, StorageFormat.F32, [.. tensor.Values.Select(value => value / 8f)]))]);
            var read = GgufReader.Open(path);
            Assert.Equal(texts, read.Metadata.FindTexts("texts"));
            for (var i = 0; i < given.Item2.Count; i++) Assert.Equal(given.Item2[i].Item2, read.Metadata.Integer($"key{i}", 0));
            for (var i = 0; i < given.Item1.Count; i++)
            {
                Assert.Equal(given.Item1[i].Shape, read.Tensors[$"t{i}"].Shape);
                Assert.Equal(given.Item1[i].Values.Select(value => value / 8f), read.Matrix($"t{i}").ToSingles());
            }
        }).QuickCheckThrowOnFailure();
    }

    public void Dispose() => folder.Dispose();

    private static GgufTensor Tensor(string name, int[] shape, StorageFormat format, params float[] values) =>
        new(new TensorData(name, shape, values).ToSource(), format);

    private string Write(GgufMetadata metadata, params GgufTensor[] tensors)
    {
        var path = folder.File("x.gguf");
        GgufWriter.Write(path, metadata, tensors);
        return path;
    }
}
