using Cuvee.Numerics;

namespace Cuvee.Bench;

/// <summary>
/// Products of 8 to 64 rows with a weight packed before, beside OpenBLAS, which packs in every call; it gets the weight in both
/// layouts, and the faster one counts.
/// </summary>
internal static class SkinnyBenchmark
{
    private const double BurstFlops = 4e8;

    public static void Run(int repetitions, int threads)
    {
        using var team = new ThreadTeam(threads);
        var hasOpenBlas = OpenBlas.TryLoad(out var openBlas);
        if (hasOpenBlas) openBlas!.Threads = team.Threads;
        Console.WriteLine(
            $"{Gemm.InstructionSet}, {team.Threads} threads, median of {repetitions}; "
            + (openBlas?.Description.Trim() ?? "OpenBLAS is not installed"));
        Console.WriteLine();
        Console.WriteLine("| m | k | n | GFLOP/s, B packed before | OpenBLAS | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (var (k, n) in new[] { (2048, 5632), (5632, 2048), (576, 1536), (256, 704) })
        {
            var b = StoredWeight.Gaussian(k * n); // read as [n, k] and as [k, n]: other numbers, the same work
            var packed = PackedMatrix.From(k, n, b, k, true);
            foreach (var m in new[] { 8, 12, 16, 24, 32, 48, 64 })
            {
                var (a, c) = (StoredWeight.Gaussian(m * k), new float[m * n]);
                var turns = new Interleaved(repetitions, team.Threads);
                turns.Add(() => Gemm.MultiplyParallel(team, m, a, k, false, packed, c, n, false));
                if (hasOpenBlas)
                {
                    turns.Add(() => openBlas!.Multiply(m, n, k, a, k, false, b, k, true, c, n, false));
                    turns.Add(() => openBlas!.Multiply(m, n, k, a, k, false, b, n, false, c, n, false));
                }

                var flops = 2.0 * m * n * k;
                turns.Run((int)Math.Clamp(BurstFlops / flops, 1, 1000));
                var rival = !hasOpenBlas ? 0 : turns.Seconds(1) < turns.Seconds(2) ? 1 : 2;
                Console.WriteLine(
                    $"| {m} | {k} | {n} | {flops / turns.Seconds(0) * 1e-9:F1} "
                    + (hasOpenBlas ? $"| {flops / turns.Seconds(rival) * 1e-9:F1} | {turns.Speedup(0, rival):F2} |" : "| | |"));
            }
        }
    }
}
