using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Numerics;

namespace Cuvee.Benchmarks;

/// <summary>
/// Times what a search pays per candidate on this machine: form the merged weights, layer by layer, and score the sample. Random
/// weights, adapters (both bf16, as files hold them) and tokens of a fixed shape; the matrix products that it is compared with are timed
/// between the candidates, so that all see the same machine.
/// </summary>
public static class CandidateBenchmark
{
    private const int GemmRows = 4096, GemmDepth = 256, GemmColumns = 704;

    /// <exception cref="ArgumentException">An option out of range; the message names it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled between two candidates.</exception>
    public static CandidateBenchmarkResult Run(CandidateBenchmarkOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        options.Check();
        var config = Shape(options.Length);
        var random = new SeededRandom(1);
        using var engine = new LlamaEngine(config, options.Threads);
        var merger = new RecipeMerger(new AdapterPool(
            [.. Enumerable.Range(0, options.Adapters).Select(i => RandomAdapter(config, i, options.Rank, random))]));
        var weights = RandomWeights(config, random);
        var updates = new PoolUpdate(config, merger);
        var records = Enumerable.Range(0, options.Sequences).Select(i => RandomRecord(config, i, options, random)).ToList();
        var products = new ProductClock(engine.Team, random, time);
        List<double> total = [], baseAlone = [], ours = [], openBlas = [];
        for (var i = 0; i <= options.Repetitions; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var recipe = merger.Resolve(RandomRecipe(merger.Pool, options.Space, random));
            var start = time.GetTimestamp();
            engine.ScoreTokens(weights, updates.Of(recipe), records, cancellationToken);
            var scored = time.GetTimestamp();
            engine.ScoreTokens(weights, null, records, cancellationToken);
            var ended = time.GetTimestamp();
            var (mine, theirs) = (products.Gemm(), products.OpenBlas());
            if (i == 0) continue; // warm-up: first use of buffers and of the machine code
            baseAlone.Add(time.GetElapsedTime(scored, ended).TotalMilliseconds);
            total.Add(time.GetElapsedTime(start, scored).TotalMilliseconds);
            ours.Add(mine);
            if (theirs is { } rate) openBlas.Add(rate);
        }

        return new CandidateBenchmarkResult(
            options.Space, Quantiles.Median(total), Quantiles.Median(baseAlone), FloatingPointOperations(options) * 1e-9,
            Quantiles.Median(ours), openBlas.Count == 0 ? null : Quantiles.Median(openBlas), products.OpenBlasDescription);
    }

    /// <summary>Floating-point operations of one candidate, two per multiply-add.</summary>
    public static double FloatingPointOperations(CandidateBenchmarkOptions options)
    {
        var config = Shape(options.Length);
        double parameters = config.NumHiddenLayers * config.LinearModules.Sum(module => (long)module.OutFeatures * module.InFeatures);
        var rows = (double)options.Sequences * options.Length;
        var visible = options.Sequences * (options.Length * (options.Length + 1.0) / 2); // query-key pairs of one head
        // Multiply-adds of scores and of values.
        var attention = 2 * visible * config.NumHiddenLayers * config.NumAttentionHeads * config.HeadDim;
        var logits = (double)options.Sequences * options.Scored * config.HiddenSize * config.VocabSize;
        var columns = options.Space == MergeSpace.Factors ? options.Rank : options.Rank * options.Adapters; // of the stacked factors
        return 2 * ((rows * parameters) + attention + logits + (columns * parameters));
    }

    private static LlamaConfig Shape(int length) => new()
    {
        HiddenSize = 256,
        IntermediateSize = 704,
        NumHiddenLayers = 6,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 4,
        HeadDim = 64,
        VocabSize = 4096,
        MaxPositionEmbeddings = Math.Max(512, length + 1),
        TieWordEmbeddings = true,
        EosTokenIds = [1],
    };

    private static LlamaWeights RandomWeights(LlamaConfig config, SeededRandom random)
    {
        var embed = Stored(config.VocabSize, config.HiddenSize, 0.5, random);
        float[] Ones() => [.. Enumerable.Repeat(1f, config.HiddenSize)];
        return new LlamaWeights
        {
            Config = config,
            EmbedTokens = embed,
            LmHead = embed,
            Norm = Ones(),
            Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new LlamaLayerWeights
            {
                Linears =
                [
                    .. config.LinearModules.Select(module =>
                        Stored(module.OutFeatures, module.InFeatures, 1 / Math.Sqrt(module.InFeatures), random)),
                ],
                Biases = new float[]?[config.LinearModules.Count],
                Norms = [.. config.Norms.Select(_ => Ones())],
            })],
        };
    }

    private static PeftAdapter RandomAdapter(LlamaConfig config, int index, int rank, SeededRandom random)
    {
        var modules = Enumerable.Range(0, config.NumHiddenLayers).SelectMany(layer => config.LinearModules.Select(module => new LoraModule(
            $"model.layers.{layer}.{module.Path}", Stored(rank, module.InFeatures, 1 / Math.Sqrt(module.InFeatures), random),
            Stored(module.OutFeatures, rank, 0.01, random), 2f)));
        return new PeftAdapter(
            $"adapter-{index:D4}", new PeftAdapterConfig { Rank = rank, LoraAlpha = 2 * rank },
            [.. modules.OrderBy(module => module.Name, StringComparer.Ordinal)]);
    }

    private static WeightedRecipe RandomRecipe(AdapterPool pool, MergeSpace space, SeededRandom random) => new(space,
        [.. pool.Adapters.Select(adapter => new AdapterShare(adapter.Name,
            random.NextGaussian() / pool.Adapters.Count, 0.3 + (0.7 * random.NextDouble())))]);

    private static TokenizedRecord RandomRecord(LlamaConfig config, int index, CandidateBenchmarkOptions options, SeededRandom random) =>
        new(
            $"{index}", [.. Enumerable.Range(0, options.Length + 1).Select(_ => random.NextInt32(config.VocabSize))],
            options.Length + 1 - options.Scored);

    private static StoredMatrix Stored(int rows, int columns, double deviation, SeededRandom random) =>
        StoredMatrix.Narrowed(StorageFormat.BF16, rows, columns, Gaussian(rows * columns, deviation, random));

    private static float[] Gaussian(int count, double deviation, SeededRandom random)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++) values[i] = (float)(deviation * random.NextGaussian());
        return values;
    }

    /// <summary>10^9 operations per second of one product of the reference shape.</summary>
    private sealed class ProductClock
    {
        private readonly float[] a, b;
        private readonly float[] c = new float[GemmRows * GemmColumns];
        private readonly PackedMatrix packed;
        private readonly ThreadTeam team;
        private readonly TimeProvider time;
        private readonly OpenBlas? library;

        public ProductClock(ThreadTeam team, SeededRandom random, TimeProvider time)
        {
            (this.team, this.time) = (team, time);
            a = Gaussian(GemmRows * GemmDepth, 1, random);
            b = Gaussian(GemmDepth * GemmColumns, 1, random);
            packed = PackedMatrix.From(GemmDepth, GemmColumns, b, GemmColumns, false);
            if (Numerics.OpenBlas.TryLoad(out library)) library.Threads = team.Threads;
        }

        public string? OpenBlasDescription => library?.Description;

        /// <summary>B packed before, as the engine does once a candidate.</summary>
        public double Gemm() => Rate(() => Numerics.Gemm.MultiplyParallel(
            team, GemmRows, a, GemmDepth, false, packed, c, GemmColumns, false));

        public double? OpenBlas() => library is null ? null : Rate(() => library.Multiply(
            GemmRows, GemmColumns, GemmDepth, a, GemmDepth, false, b, GemmColumns, false, c, GemmColumns, false));

        private double Rate(Action product)
        {
            const int Calls = 4;
            var start = time.GetTimestamp();
            for (var i = 0; i < Calls; i++) product();
            return 2.0 * GemmRows * GemmColumns * GemmDepth * Calls / time.GetElapsedTime(start).TotalSeconds * 1e-9;
        }
    }
}
