using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

/// <summary>Seeded random adapters with shapes that leave remainders in every vector width.</summary>
internal static class TestAdapters
{
    public const string Wide = "model.layers.0.mlp.down_proj"; // in > out
    public const string Tall = "model.layers.0.mlp.gate_proj"; // out > in

    public static IReadOnlyList<(string Name, int OutFeatures, int InFeatures)> Shapes { get; } = [(Wide, 11, 37), (Tall, 37, 11)];

    public static PeftAdapter Adapter(
        string name, ulong seed, int rank = 3, float scaling = 2,
        IReadOnlyList<(string Name, int OutFeatures, int InFeatures)>? shapes = null)
    {
        var random = new SeededRandom(seed);
        float[] Gaussian(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
        return new PeftAdapter(
            name,
            new PeftAdapterConfig { Rank = rank, LoraAlpha = rank * scaling, BaseModelNameOrPath = "base" },
            [.. (shapes ?? Shapes).OrderBy(shape => shape.Name, StringComparer.Ordinal).Select(shape => new LoraModule(
                shape.Name, shape.InFeatures, shape.OutFeatures, rank,
                Gaussian(rank * shape.InFeatures), Gaussian(shape.OutFeatures * rank), scaling))]);
    }

    public static AdapterPool Pool(int count, int rank = 3) =>
        new([.. Enumerable.Range(0, count).Select(i => Adapter($"adapter-{i:D3}", (ulong)i + 1, rank, 0.5f + i))]);
}
