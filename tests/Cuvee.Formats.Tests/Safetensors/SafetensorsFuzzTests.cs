using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Formats.Tests.Safetensors;

/// <summary>A damaged file is either still right or refused by name: no other exception, no hang, no huge allocation.</summary>
public sealed class SafetensorsFuzzTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _valid;

    public SafetensorsFuzzTests()
    {
        var path = _folder.File("valid");
        TensorData[] tensors =
        [
            new("model.layers.0.self_attn.q_proj.lora_A.weight", [2, 3], [1, 2, 3, 4, 5, 6]),
            new("empty", [0, 7], []),
            new("scalar", [], [1e-3f]),
            new("long", [65], [.. Enumerable.Range(0, 65).Select(i => i * 0.5f)]),
        ];
        SafetensorsWriter.Write(path, tensors, TensorType.F32, new Dictionary<string, string> { ["format"] = "pt" });
        _valid = File.ReadAllBytes(path);
    }

    [Fact]
    public void Open_EveryTruncation_IsRefused()
    {
        for (var length = 0; length < _valid.Length; length++) Assert.NotNull(Try(_valid[..length]));
        Assert.Null(Try(_valid));
    }

    [Fact]
    public void Open_ABitFlippedInEachByteOfPrefixAndHeader_IsRightOrRefused()
    {
        var refused = 0;
        var headerEnd = 8 + BitConverter.ToInt32(_valid);
        for (var at = 0; at < headerEnd; at++)
        {
            var bytes = (byte[])_valid.Clone();
            bytes[at] ^= (byte)(1 << (at * 5 % 8));
            if (Try(bytes) is not null) refused++;
        }

        // Flips inside names and metadata values leave valid files.
        Assert.InRange(refused, headerEnd / 2, headerEnd - 1);
    }

    [Fact]
    public void Open_RandomDamage_IsRightOrRefused()
    {
        var random = new SeededRandom(2026);
        var structure = "{}[]\":,-0123456789.eE \\u"u8.ToArray();
        for (var round = 0; round < 1000; round++)
        {
            var bytes = _valid.ToList();
            for (var damage = random.NextInt32(8); damage >= 0; damage--)
            {
                var at = random.NextInt32(bytes.Count);
                switch (random.NextInt32(5))
                {
                    case 0:
                        bytes[at] = (byte)random.NextInt32(256);
                        break;
                    case 1:
                        bytes[at] = structure[random.NextInt32(structure.Length)];
                        break;
                    case 2:
                        bytes.RemoveAt(at);
                        break;
                    case 3:
                        bytes.Insert(at, structure[random.NextInt32(structure.Length)]);
                        break;
                    default:
                        bytes.RemoveRange(at, Math.Min(random.NextInt32(32), bytes.Count - at));
                        break;
                }

                if (bytes.Count == 0) break;
            }

            Try([.. bytes]);
        }
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Opens and reads everything; any exception but the format's fails the test.</summary>
    private SafetensorsFormatException? Try(byte[] bytes)
    {
        var path = _folder.Write("damaged", bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var reader = SafetensorsReader.Open(path);
            foreach (var name in reader.Entries.Keys) reader.ReadSingles(name);
            return null;
        }
        catch (SafetensorsFormatException e)
        {
            return e;
        }
        finally
        {
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        }
    }
}
