using System.Diagnostics;
using Cuvee.Numerics;

// Rates of Cuvee's GEMM and OpenBLAS's, taken in turns in one run so that both see the same machine.
var repetitions = args.Length > 0 ? int.Parse(args[0]) : 15;
var hasOpenBlas = OpenBlas.TryLoad(out var openBlas);
Console.WriteLine($"# {Gemm.InstructionSet}, {Environment.ProcessorCount} processors, OpenBLAS: {openBlas?.Description ?? "not installed"}");
Console.WriteLine("| threads | m | k | n | B | ours GFLOP/s | packed before | OpenBLAS | ours / OpenBLAS |");
Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
(int M, int K, int N, bool TransposeA, bool TransposeB)[] shapes =
[
    (4096, 256, 704, false, false), (4096, 192, 576, false, false), (4096, 704, 256, false, false), (4096, 256, 704, false, true),
    (704, 4096, 256, true, false), (4096, 256, 8, false, true), (4096, 8, 256, false, false), (256, 800, 704, false, false),
    (1, 256, 4096, false, true), (16, 256, 704, false, true),
];
using var pair = new ThreadTeam();
using var single = new ThreadTeam(1);
foreach (var team in new[] { single, pair })
{
    if (hasOpenBlas) openBlas!.Threads = team.Threads;
    foreach (var (m, k, n, transposeA, transposeB) in shapes)
    {
        var random = new SeededRandom(1);
        var a = Fill(new float[m * k]);
        var b = Fill(new float[k * n]);
        var c = new float[m * n];
        var lda = transposeA ? m : k;
        var ldb = transposeB ? k : n;
        var packed = PackedMatrix.From(k, n, b, ldb, transposeB);
        var calls = (int)Math.Clamp(40_000_000_000L / (2L * m * n * k * 20), 1, 2000);
        var ours = new List<double>();
        var before = new List<double>();
        var theirs = new List<double>();
        for (var i = 0; i <= repetitions; i++)
        {
            ours.Add(Rate(() => Gemm.MultiplyParallel(team, m, n, k, a, lda, transposeA, b, ldb, transposeB, c, n, false)));
            before.Add(Rate(() => Gemm.MultiplyParallel(team, m, a, lda, transposeA, packed, c, n, false)));
            if (hasOpenBlas) theirs.Add(Rate(() => openBlas!.Multiply(m, n, k, a, lda, transposeA, b, ldb, transposeB, c, n, false)));
        }

        var reference = hasOpenBlas ? Median(theirs) : double.NaN;
        Console.WriteLine(
            $"| {team.Threads} | {m} | {k} | {n} | {(transposeA ? "A^T " : "")}{(transposeB ? "B^T" : "B")} | {Median(ours):F0} | {Median(before):F0} "
            + $"| {reference:F0} | {Median(ours) / reference:P0} / {Median(before) / reference:P0} |");

        float[] Fill(float[] x)
        {
            for (var i = 0; i < x.Length; i++) x[i] = (float)random.NextGaussian();
            return x;
        }

        double Rate(Action product)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < calls; i++) product();
            return 2.0 * m * n * k * calls / Stopwatch.GetElapsedTime(start).TotalSeconds * 1e-9;
        }
    }
}

static double Median(List<double> values)
{
    var sorted = values.Skip(1).Order().ToArray(); // the first run warms up
    return sorted[sorted.Length / 2];
}
