using System.Diagnostics;
using Cuvee.Numerics;

namespace Cuvee.Bench;

/// <summary>Rates of Cuvee's GEMM and OpenBLAS's, taken in turns in one run so that both see the same machine.</summary>
internal static class GemmBenchmark
{
    private const double BurstFlops = 4e8; // some milliseconds: short enough to fall between other processes' turns

    private static readonly (int M, int K, int N, bool TransposeA, bool TransposeB)[] Shapes =
    [
        (4096, 256, 704, false, false), (4096, 192, 576, false, false), (4096, 704, 256, false, false), (4096, 256, 704, false, true),
        (704, 4096, 256, true, false), (4096, 256, 8, false, true), (4096, 256, 16, false, true), (4096, 8, 256, false, false),
        (256, 8, 704, false, false), (256, 800, 704, false, false), (1, 256, 4096, false, true), (16, 256, 704, false, true),
        (384, 256, 704, false, false), (384, 256, 256, false, false),
    ];

    public static void Run(int repetitions, int threads)
    {
        using var team = new ThreadTeam(threads);
        var hasOpenBlas = OpenBlas.TryLoad(out var openBlas);
        if (hasOpenBlas) openBlas!.Threads = team.Threads;
        Console.WriteLine(
            $"{Gemm.InstructionSet}, {team.Threads} threads, median of {repetitions}, "
            + (team.Threads == 1 ? "processor time" : "wall time") + $"; {openBlas?.Description.Trim() ?? "OpenBLAS is not installed"}");
        Console.WriteLine();
        Console.WriteLine("| m | k | n | operands | GFLOP/s | B packed before | OpenBLAS | ratio | ratio, packed |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (var (m, k, n, transposeA, transposeB) in Shapes)
        {
            var random = new SeededRandom(1);
            var (a, b, c) = (Gaussian(random, m * k), Gaussian(random, k * n), new float[m * n]);
            var (lda, ldb) = (transposeA ? m : k, transposeB ? k : n);
            var packed = PackedMatrix.From(k, n, b, ldb, transposeB);
            var (ours, before, theirs) = (new List<double>(), new List<double>(), new List<double>());
            for (var i = 0; i <= repetitions; i++)
            {
                ours.Add(Rate(() =>
                {
                    packed.Pack(k, n, b, ldb, transposeB);
                    Gemm.MultiplyParallel(team, m, a, lda, transposeA, packed, c, n, false);
                }));
                before.Add(Rate(() => Gemm.MultiplyParallel(team, m, a, lda, transposeA, packed, c, n, false)));
                if (hasOpenBlas) theirs.Add(Rate(() => openBlas!.Multiply(m, n, k, a, lda, transposeA, b, ldb, transposeB, c, n, false)));
            }

            var reference = hasOpenBlas ? Median(theirs) : double.NaN;
            Console.WriteLine(
                $"| {m} | {k} | {n} | {(transposeA ? "A^T" : "A")} {(transposeB ? "B^T" : "B")} | {Median(ours):F1} | {Median(before):F1} "
                + $"| {reference:F1} | {Median(ours) / reference:F2} | {Median(before) / reference:F2} |");

            double Rate(Action product)
            {
                var flops = 2.0 * m * n * k;
                var calls = (int)Math.Clamp(BurstFlops / flops, 1, 1000);
                var start = Now();
                for (var i = 0; i < calls; i++) product();
                return flops * calls / (Now() - start) * 1e-9;
            }

            double Now() => team.Threads == 1 ? ThreadClock.Seconds : Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
        }
    }

    private static float[] Gaussian(SeededRandom random, int length)
    {
        var x = new float[length];
        for (var i = 0; i < length; i++) x[i] = (float)random.NextGaussian();
        return x;
    }

    private static double Median(List<double> rates)
    {
        var sorted = rates.Skip(1).Order().ToArray(); // the first warms up
        return sorted[sorted.Length / 2];
    }
}
