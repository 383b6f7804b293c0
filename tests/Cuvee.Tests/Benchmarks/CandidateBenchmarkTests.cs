using Cuvee.Benchmarks;
using Cuvee.Merging;

namespace Cuvee.Tests.Benchmarks;

public class CandidateBenchmarkTests
{
    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void FloatingPointOperations_DefaultShape_CountsEveryProduct(MergeSpace space)
    {
        double operations = 0;
        for (var layer = 0; layer < 6; layer++)
        {
            foreach (var (rows, columns) in new[] { (256, 256), (256, 256), (256, 256), (256, 256), (704, 256), (704, 256), (256, 704) })
            {
                operations += 2.0 * 32 * 128 * rows * columns;
                operations += 2.0 * rows * columns * (space == MergeSpace.Factors ? 8 : 100 * 8);
            }

            for (var query = 0; query < 128; query++)
                operations += 32 * 4 * (2.0 * 64 * (query + 1) * 2); // scores and weighted values over the keys up to the query's own
        }

        operations += 2.0 * 32 * 20 * 256 * 4096;
        Assert.Equal(
            operations, CandidateBenchmark.FloatingPointOperations(new CandidateBenchmarkOptions { Space = space }),
            operations * 1e-12);
    }

    [Theory]
    [InlineData(MergeSpace.Factors)]
    [InlineData(MergeSpace.Delta)]
    public void Run_SmallSample_ReportsConsistentNumbers(MergeSpace space)
    {
        var options = new CandidateBenchmarkOptions
        {
            Space = space,
            Adapters = 3,
            Rank = 2,
            Sequences = 2,
            Length = 16,
            Scored = 4,
            Repetitions = 1,
            Threads = 2,
        };
        var result = CandidateBenchmark.Run(options, TimeProvider.System, CancellationToken.None);
        Assert.Equal(space, result.Space);
        Assert.True(result.BaseMilliseconds > 0);
        Assert.Equal(CandidateBenchmark.FloatingPointOperations(options), result.Gflop * 1e9, 1);
        Assert.Equal(result.Gflop, result.Gflops * result.Milliseconds / 1000, 1e-9);
        Assert.True(result.GemmGflops > 0);
    }

    [Theory]
    [InlineData(0, 1, "--adapters")]
    [InlineData(1, 200, "--scored")]
    public void Run_OptionOutOfRange_IsNamed(int adapters, int scored, string name)
    {
        var options = new CandidateBenchmarkOptions { Adapters = adapters, Scored = scored };
        Assert.StartsWith(name, Assert.Throws<ArgumentException>(
            () => CandidateBenchmark.Run(options, TimeProvider.System, CancellationToken.None)).Message, StringComparison.Ordinal);
    }
}
