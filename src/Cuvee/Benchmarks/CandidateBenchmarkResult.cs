namespace Cuvee.Benchmarks;

/// <param name="Milliseconds">Median per candidate: merge, packing and forward pass.</param>
/// <param name="BaseMilliseconds">Median of scoring the same records with the base itself.</param>
/// <param name="Gflop">
/// 10^9 floating-point operations of a candidate: linear layers, causal attention, logits at scored positions, the merge once.
/// </param>
/// <param name="GemmGflops">Cuvee's matrix product at [4096, 256] x [256, 704] in the same run, 10^9 operations per second.</param>
/// <param name="OpenBlasGflops">OpenBLAS's at the same; null where it is not installed.</param>
/// <param name="OpenBlasDescription">
/// Version and kernel that OpenBLAS chose; an old version takes a slow one on a processor that it does not know.
/// </param>
public sealed record CandidateBenchmarkResult(
    MergeSpace Space,
    double Milliseconds,
    double BaseMilliseconds,
    double Gflop,
    double GemmGflops,
    double? OpenBlasGflops,
    string? OpenBlasDescription)
{
    /// <summary>10^9 operations per second.</summary>
    public double Gflops => Gflop / Milliseconds * 1000;
}
