using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Formats.Tests.HuggingFace;

public sealed class CheckpointReaderTests
{
    private static readonly TensorData[] Tensors =
    [
        new("any.name", [3, 4], [.. Enumerable.Range(0, 12).Select(i => i / 8f)]),
        new("scalar", [], [-2]),
        new("vector", [5], [1, -1, 0.5f, 0, 3]),
    ];

    [Theory]
    [InlineData(TensorType.F32)]
    [InlineData(TensorType.BF16)]
    [InlineData(TensorType.F16)]
    [InlineData(TensorType.F64)]
    public void Read_AnyTypeAndPlace_ExactValues(TensorType type)
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder.File("model.safetensors"), Tensors, type);
        using var checkpoint = CheckpointReader.Open(folder.Path);
        Assert.Equal(["any.name", "scalar", "vector"], checkpoint.TensorNames);
        Assert.Equal((type, 12L), (checkpoint.Find("any.name")!.Type, checkpoint.Find("any.name")!.Count));
        Assert.Null(checkpoint.Find("other"));
        Assert.Equal([0.625f, 0.75f, 0.875f], Read(checkpoint, "any.name", 5, 3));
        Assert.Equal([-2], Read(checkpoint, "scalar", 0, 1));
        Assert.Equal(Tensors[2].Values, Read(checkpoint, "vector", 0, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(checkpoint, "vector", 3, 3));
    }

    [Fact]
    public void Read_Shards_EachTensorFromItsFile()
    {
        using var folder = new TemporaryFolder();
        ModelShards.Write(folder.Path, [.. Tensors.Select(tensor => tensor.ToSource())], TensorType.F32, maxBytes: 48);
        Assert.Equal(
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
        using var checkpoint = CheckpointReader.Open(folder.Path);
        foreach (var tensor in Tensors) Assert.Equal(tensor.Values, Read(checkpoint, tensor.Name, 0, tensor.Values.Length));
    }

    /// <summary>A merge would lose it without a word.</summary>
    [Fact]
    public void Open_ShardWithoutATensorOfTheIndex_IsRefused()
    {
        using var folder = new TemporaryFolder();
        ModelShards.Write(folder.Path, [.. Tensors.Select(tensor => tensor.ToSource())], TensorType.F32, maxBytes: 48);
        SafetensorsWriter.Write(folder.File("model-00002-of-00002.safetensors"), Tensors[1..2], TensorType.F32);
        Assert.Contains(
            "model-00002-of-00002.safetensors: tensor 'vector' is missing",
            Assert.Throws<BadInputException>(() => CheckpointReader.Open(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MoreThanAChunk_JoinsSeamlessly()
    {
        using var folder = new TemporaryFolder();
        float[] values = [.. Enumerable.Range(0, 700_001).Select(i => i % 1021f)];
        SafetensorsWriter.Write(folder.File("model.safetensors"), [new TensorData("long", [700_001], values)], TensorType.F32);
        using var checkpoint = CheckpointReader.Open(folder.Path);
        Assert.Equal(values[7..], Read(checkpoint, "long", 7, 699_994));
    }

    [Fact]
    public void Read_NotANumber_NamesFileTensorAndIndex()
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder.File("model.safetensors"), Tensors, TensorType.F32);
        var bytes = File.ReadAllBytes(folder.File("model.safetensors"));
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 8), float.NaN); // the last but one of 'vector'
        File.WriteAllBytes(folder.File("model.safetensors"), bytes);
        using var checkpoint = CheckpointReader.Open(folder.Path);
        Assert.Equal([1f, -1f, 0.5f], Read(checkpoint, "vector", 0, 3));
        var defect = Assert.Throws<SafetensorsFormatException>(() => Read(checkpoint, "vector", 1, 4));
        Assert.Contains("model.safetensors: tensor 'vector'", defect.Message, StringComparison.Ordinal);
        Assert.Contains("index 3", defect.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_WholeNumbers_AreCopiedAndComparedButNotWidened()
    {
        using var folder = new TemporaryFolder();
        var steps = new TensorSource("steps", [], (_, _) => { })
        {
            Stored = new StoredBytes(TensorType.I64, stream => stream.Write(BitConverter.GetBytes(7L))),
        };
        SafetensorsWriter.Write(folder.File("model.safetensors"), [Tensors[2].ToSource(), steps], TensorType.F16);
        using var checkpoint = CheckpointReader.Open(folder.Path);
        Assert.Equal((TensorType.I64, 1L), (checkpoint.Find("steps")!.Type, checkpoint.Find("steps")!.Count));
        Assert.Equal(Tensors[2].Values, Read(checkpoint, "vector", 0, 5));
        using var copy = new MemoryStream();
        checkpoint.CopyTo("steps", copy);
        Assert.Equal(BitConverter.GetBytes(7L), copy.ToArray());
        Assert.True(checkpoint.HoldsBytesOf("steps", checkpoint, "steps"));
        Assert.False(checkpoint.HoldsBytesOf("steps", checkpoint, "vector"));
        Assert.Contains(
            "'steps' has dtype I64", Assert.Throws<SafetensorsFormatException>(() => Read(checkpoint, "steps", 0, 1)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NoWeights_OneSentence()
    {
        using var folder = new TemporaryFolder();
        var defect = Assert.Throws<BadInputException>(() => CheckpointReader.Open(folder.Path));
        Assert.Contains("the file is missing", defect.Message, StringComparison.Ordinal);
    }

    private static float[] Read(CheckpointReader checkpoint, string name, long first, int count)
    {
        var values = new float[count];
        checkpoint.Read(name, first, values);
        return values;
    }
}
