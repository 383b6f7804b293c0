using System.Numerics;
using System.Runtime.InteropServices;
using Cuvee.Numerics;

namespace Cuvee.Bench;

/// <summary>
/// <see cref="StoredProduct"/> beside a plain read of as many bytes (one token) and beside <see cref="Gemm"/> with packed fp32 weights
/// (16 tokens), in every format.
/// </summary>
internal static class DecodeBenchmark
{
    private const long FormatBytes = 256L << 20; // beyond every cache
    private const int Parts = 64; // of the plain read, shared among the threads

    public static void Run(int repetitions, int threads)
    {
        using var team = new ThreadTeam(threads);
        Console.WriteLine($"{Gemm.InstructionSet}, {team.Threads} threads, median of {repetitions}");
        Console.WriteLine();
        Console.WriteLine("| format | rows | in | GB/s of the product, m = 1 | GB/s of a plain read | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|");
        var plain = new ulong[FormatBytes / sizeof(ulong)];
        plain.AsSpan().Fill(1);
        foreach (var k in new[] { 2048, 5632, 576 })
            foreach (var format in Enum.GetValues<StorageFormat>())
                Memory(repetitions, team, format, k, plain);
        plain = [];
        Console.WriteLine();
        Console.WriteLine("| format | m | out | in | GFLOP/s of the product | packed fp32 GEMM, m = 384 | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var m in new[] { 4, 16, 32 })
            foreach (var format in Enum.GetValues<StorageFormat>())
                Compute(repetitions, team, format, m, 512, 2048);
        foreach (var format in Enum.GetValues<StorageFormat>()) Compute(repetitions, team, format, 16, 5632, 2048);
    }

    private static void Memory(int repetitions, ThreadTeam team, StorageFormat format, int k, ulong[] plain)
    {
        var rows = (int)(FormatBytes / format.RowBytes(k));
        var weight = StoredWeight.Random(format, rows, k);
        var (x, y) = (StoredWeight.Gaussian(k), new float[rows]);
        var sums = new ulong[Parts];
        var turns = new Interleaved(repetitions, team.Threads);
        turns.Add(() => StoredProduct.MultiplyParallel(team, 1, x, k, weight, 0, rows, y, rows));
        turns.Add(() => team.Run(Parts, part => sums[part] = Sum(plain.AsSpan(plain.Length / Parts * part, plain.Length / Parts))));
        turns.Run(1);
        Console.WriteLine(
            $"| {format} | {rows} | {k} | {weight.ByteCount / turns.Seconds(0) * 1e-9:F1} "
            + $"| {FormatBytes / turns.Seconds(1) * 1e-9:F1} | {turns.Speedup(0, 1) * weight.ByteCount / FormatBytes:F2} |");
    }

    private static void Compute(int repetitions, ThreadTeam team, StorageFormat format, int m, int rows, int k)
    {
        const int gemmRows = 384;
        var weight = StoredWeight.Random(format, rows, k);
        var packed = new PackedMatrix();
        packed.Pack(weight, 0, rows);
        var (x, y) = (StoredWeight.Gaussian(gemmRows * k), new float[gemmRows * rows]);
        var turns = new Interleaved(repetitions, team.Threads);
        turns.Add(() =>
        {
            for (var i = 0; i < gemmRows / m; i++) StoredProduct.MultiplyParallel(team, m, x, k, weight, 0, rows, y, rows);
        });
        turns.Add(() => Gemm.MultiplyParallel(team, gemmRows / m * m, x, k, false, packed, y, rows, false));
        turns.Run(1);
        var flops = 2.0 * (gemmRows / m * m) * k * rows * 1e-9;
        Console.WriteLine(
            $"| {format} | {m} | {rows} | {k} | {flops / turns.Seconds(0):F1} | {flops / turns.Seconds(1):F1} "
            + $"| {turns.Speedup(0, 1):F2} |");
    }

    private static ulong Sum(ReadOnlySpan<ulong> values)
    {
        var vectors = MemoryMarshal.Cast<ulong, Vector<ulong>>(values);
        var (first, second) = (Vector<ulong>.Zero, Vector<ulong>.Zero);
        for (var i = 0; i + 1 < vectors.Length; i += 2) (first, second) = (first + vectors[i], second + vectors[i + 1]);
        return Vector.Sum(first + second);
    }
}
