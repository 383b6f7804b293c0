using System.Globalization;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference;
using Cuvee.Numerics;

namespace Cuvee.Bench;

/// <summary>
/// How fast a merge of whole models is formed: two children of a base with SmolLM2-135M's shapes, bf16, into fp32, beside the same
/// traffic without arithmetic (every source byte read, every byte of the result written, by as many threads).
/// </summary>
internal static class ChildBenchmark
{
    private const int Models = 3; // base and two parents

    public static void Run(int repetitions, int threads)
    {
        var config = new LlamaConfig
        {
            HiddenSize = 576,
            IntermediateSize = 1536,
            NumHiddenLayers = 30,
            NumAttentionHeads = 9,
            NumKeyValueHeads = 3,
            HeadDim = 64,
            VocabSize = 49_152,
            MaxPositionEmbeddings = 2048,
            TieWordEmbeddings = true,
            EosTokenIds = [0],
        };
        var random = new SeededRandom(1);
        var models = Enumerable.Range(0, Models).Select(_ => LlamaTensorLayout.Tensors(config).ToDictionary(
            tensor => tensor.Name,
            tensor =>
            {
                var (rows, columns) = tensor.Shape.Count == 1 ? (1, tensor.Shape[0]) : (tensor.Shape[0], tensor.Shape[1]);
                var values = new float[rows * columns];
                for (var i = 0; i < values.Length; i++) values[i] = (float)(random.NextDouble() - 0.5);
                return StoredMatrix.Narrowed(StorageFormat.BF16, rows, columns, values);
            })).ToList();
        var weights = models[0].Keys.ToDictionary(name => name, _ => (float[])[0.4f, 0.7f]);
        using var team = new ThreadTeam(threads);
        var formed = new FormedWeights(config, team);
        var elements = models[0].Values.Sum(matrix => matrix.Count);
        var (read, written) = (elements * sizeof(ushort) * Models, elements * sizeof(float));
        var (from, to) = (new byte[read], new byte[written]);
        new Random(1).NextBytes(from);
        var bench = new Interleaved(repetitions, threads);
        bench.Add(() => formed.Sum(models[0], [models[1], models[2]], weights));
        bench.Add(() => Stream(team, from, to));
        bench.Run(1);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{elements / 1e6:0.0} M weights, {Models} models in bf16 into fp32, {team.Threads} threads: child " +
            $"{1000 * bench.Seconds(0):0.0} ms ({(read + written) / bench.Seconds(0) / 1e9:0.0} GB/s), traffic alone " +
            $"{1000 * bench.Seconds(1):0.0} ms ({(read + written) / bench.Seconds(1) / 1e9:0.0} GB/s), ratio {bench.Speedup(0, 1):0.00}"));
    }

    // Sums what is read, so that nothing is left out, and writes the sum.
    private static void Stream(ThreadTeam team, byte[] from, byte[] to)
    {
        const int parts = 64;
        team.Run(parts, part =>
        {
            var source = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(
                from.AsSpan((int)((long)from.Length / parts * part / 4 * 4), from.Length / parts / 4 * 4));
            var target = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(
                to.AsSpan((int)((long)to.Length / parts * part / 4 * 4), to.Length / parts / 4 * 4));
            var largest = FloatVectors.Max(source);
            target.Fill(largest);
        });
    }
}
