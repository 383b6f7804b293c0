using Cuvee.Metrics;
using Cuvee.Numerics;
using Cuvee.Reporting;

namespace Cuvee.Tests.Reporting;

/// <summary>Small tables of made-up measurements.</summary>
internal static class TestTables
{
    public const int Records = 12;

    public static ComparisonTable Create(
        ulong seed, string best = "ner-a", string metric = "ie-f1", char hash = 'a', bool withBase = true, int pool = 5,
        string took = "")
    {
        var random = new SeededRandom(seed);
        MeasuredRow Row(string key, string name, RowKind kind, double level) => new(key, name, kind, 100 * (long)(seed % 1000))
        {
            ValidationLoss = level,
            ValidationScore = kind == RowKind.Search ? 0.25 : null,
            Losses = [.. Enumerable.Range(1, Records).Select(i => new Ratio((level + (0.1 * random.NextDouble())) * i, i))],
            Counts = [.. Enumerable.Range(1, Records).Select(i => new MetricCounts(random.NextInt32(i + 1), i, i + 1))],
        };
        MeasuredRow[] controls = [Row(RowKeys.BestSingle, $"best single adapter ({best})", RowKind.Control, 1.5)];
        if (withBase) controls = [Row(RowKeys.Base, "base model", RowKind.Control, 2), .. controls];
        return new ComparisonTable
        {
            Title = "fisher-probing (delta)",
            Seed = seed,
            PoolSize = pool,
            Metric = metric,
            HasPrecisionAndRecall = metric == "ie-f1",
            ValidationRecords = 20,
            TestSha256 = new string(hash, 64),
            TestIds = [.. Enumerable.Range(0, Records).Select(i => $"id \"{i}\"")],
            Rows =
            [
                .. controls,
                Row("fisher-probing (delta)", "fisher-probing (delta)", RowKind.Search, 1),
                Row("evo-merging (delta)", "evo-merging (delta)" + took, RowKind.Search, 1.2),
            ],
        };
    }
}
