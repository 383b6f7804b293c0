using System.Runtime.InteropServices;
using Cuvee.Formats.Safetensors;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Cuvee.Formats.Tests.Safetensors;

public sealed class SafetensorsRoundTripTests : IDisposable
{
    private static readonly Config Seeded = Config.QuickThrowOnFailure
        .WithReplay(FSharpOption<Replay>.Some(new Replay(new Rnd(20261122, 77), FSharpOption<int>.None)))
        .WithMaxTest(100);

    private readonly TemporaryFolder _folder = new();

    private sealed record Sample(TensorType Type, TensorData[] Tensors, Dictionary<string, string> Metadata)
    {
        public override string ToString() => $"{Type}: {string.Join("; ", Tensors.Select(t => $"{t.Name} [{string.Join(',', t.Shape)}]"))}";
    }

    [Fact]
    public void WriteThenOpen_RandomTensors_GivesThemBack() => Check.One(Seeded, Prop.ForAll(Samples().Resize(20).ToArbitrary(), sample =>
    {
        var bytes = Bytes(sample.Tensors, sample.Type, sample.Metadata);
        using var reader = SafetensorsReader.Open(_folder.Write("t.safetensors", bytes));
        Assert.Equal(sample.Metadata, reader.Metadata);
        Assert.Equal(sample.Tensors.Length, reader.Entries.Count);
        foreach (var tensor in sample.Tensors)
        {
            Assert.Equal(sample.Type, reader.Entries[tensor.Name].Type);
            Assert.Equal(tensor.Shape, reader.Entries[tensor.Name].Shape);
            Assert.True(Bits(tensor.Values).SequenceEqual(Bits(reader.ReadSingles(tensor.Name))), tensor.Name);
        }

        // What was read, written again, is the same file.
        var again = reader.Entries.Values.Select(entry => new TensorData(entry.Name, entry.Shape, reader.ReadSingles(entry.Name)));
        Assert.Equal(bytes, Bytes(again, sample.Type, reader.Metadata));
    }));

    public void Dispose() => _folder.Dispose();

    /// <summary>Bit patterns: 0 and -0 are equal as numbers.</summary>
    private static ReadOnlySpan<uint> Bits(float[] values) => MemoryMarshal.Cast<float, uint>(values);

    private byte[] Bytes(IEnumerable<TensorData> tensors, TensorType type, IReadOnlyDictionary<string, string> metadata)
    {
        SafetensorsWriter.Write(_folder.File("written"), tensors, type, metadata);
        return File.ReadAllBytes(_folder.File("written"));
    }

    private static Gen<Sample> Samples()
    {
        // Names of any Unicode but lone surrogates: quotes, control characters, emoji, the empty name.
        var character = Gen.OneOf(
            Gen.Elements("a", "B", ".", "_", "0", "\"", "\\", "\0", "\n", "é", "\u2028", "日", "😀", "/"),
            Gen.Choose(0x20, 0x2FFF).Select(code => ((char)code).ToString()));
        var name = character.ListOf().Select(string.Concat).Where(text => text != "__metadata__");
        var shape = Gen.Choose(0, 4).ListOf().Resize(4).Where(dimensions => dimensions.Count <= 4);
        return
            from type in Gen.Elements(Enum.GetValues<TensorType>().Where(each => each.IsFloat()))
            from names in name.ListOf().Select(list => list.Distinct(StringComparer.Ordinal).ToArray())
            from tensors in Gen.CollectToArray(names, each =>
                from dimensions in shape
                from values in Value(type).ArrayOf(dimensions.Aggregate(1, (count, dimension) => count * dimension))
                select new TensorData(each, [.. dimensions], values))
            from keys in name.ListOf()
            let metadata = keys.Distinct(StringComparer.Ordinal).ToDictionary(key => key, key => key + "=", StringComparer.Ordinal)
            select new Sample(type, tensors, metadata);
    }

    /// <summary>Any finite value that <paramref name="type"/> holds exactly, signed zeros and subnormals among them.</summary>
    private static Gen<float> Value(TensorType type) => Gen.Choose(int.MinValue, int.MaxValue).Select(bits => type switch
    {
        TensorType.F16 => (float)BitConverter.UInt16BitsToHalf((ushort)bits),
        TensorType.BF16 => BitConverter.Int32BitsToSingle(bits << 16),
        _ => BitConverter.Int32BitsToSingle(bits),
    }).Where(float.IsFinite);
}
