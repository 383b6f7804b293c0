using Cuvee.Formats.Peft;
using Cuvee.Merging.Inspection;

namespace Cuvee.Merging.Tests;

/// <summary>
/// Groups, near-duplicates and outliers of adapters that move one row of one module, so that cosines are those of the rows.
/// </summary>
public sealed class PoolGroupsTests
{
    [Fact]
    public void Inspect_RelatedAdapters_GroupedLargestFirstAndNamedByWhatTheirNamesShare()
    {
        var report = Inspect(
            ("lora-et-snips", [0, 0, 0, 1, 0, 0]),
            ("lora-es_mit.movie", [1, 0, 0, 0, 0, 0]),
            ("lora-et-mit-movie", [1, 0.5f, 0, 0, 0, 0]),
            ("lora-ner-mit-movie", [1, -0.5f, 0, 0, 0, 0]),
            ("lora-ner-snips", [0, 0, 0, 1, 0.5f, 0]),
            ("lora-qa-news", [0, 0, 0, 0, 0, 1]));
        Assert.Equal(
            [("mit-movie", "lora-es_mit.movie lora-et-mit-movie lora-ner-mit-movie"), ("snips", "lora-et-snips lora-ner-snips")],
            report.Groups.Select(group => (group.Name, string.Join(' ', group.Members.Select(i => report.Adapters[i].Name)))));
        var (near, far) = (1 / Math.Sqrt(1.25), 0.75 / 1.25);
        Assert.Equal((near + near + far) / 3, report.Groups[0].MeanCosine, 1e-6);
        Assert.Equal(near, report.Groups[1].MeanCosine, 1e-6);
    }

    [Fact]
    public void Inspect_HigherThreshold_FewerAreJoined()
    {
        (string, float[])[] adapters = [("a", [1, 0, 0]), ("b", [1, 1, 0]), ("c", [1, 0, 0.1f])]; // cosines 0.71, 0.995, 0.70
        Assert.Equal([0, 1, 2], Assert.Single(Inspect(0.7, adapters).Groups).Members);
        Assert.Equal([0, 2], Assert.Single(Inspect(0.8, adapters).Groups).Members);
        Assert.Empty(Inspect(0.999, adapters).Groups);
    }

    [Fact]
    public void Inspect_NamesWithNothingInCommon_AreNumberedAndNoNameIsTakenTwice()
    {
        var report = Inspect(
            ("red", [1, 0, 0]), ("blue", [1, 0, 0]), ("x-soup", [0, 1, 0]), ("y-soup", [0, 1, 0]),
            ("u-soup", [0, 0, 1]), ("v-soup", [0, 0, 1]));
        Assert.Equal(["group 1", "soup", "soup, 2"], report.Groups.Select(group => group.Name));
    }

    [Fact]
    public void Inspect_NearDuplicates_AreThePairsAbove098TheMostAlikeFirst()
    {
        var report = Inspect(("a", [1, 0]), ("b", [1, 0.1f]), ("c", [1, 0.25f]), ("d", [1, 0])); // a-b 0.995, b-c 0.989, a-c 0.970
        Assert.Equal([(0, 3), (0, 1), (1, 3), (1, 2)], report.NearDuplicates.Select(pair => (pair.First, pair.Second)));
        Assert.Equal(1 / Math.Sqrt(1.01), report.NearDuplicates[1].Cosine, 1e-6);
        Assert.Equal(4, report.Problems.Count(problem => problem.Contains("are nearly the same update", StringComparison.Ordinal)));
    }

    [Fact]
    public void Inspect_ManyCopies_TwentyPairsAreNamedAndTheRestCounted()
    {
        var report = Inspect([.. Enumerable.Range(0, 8).Select(i => ($"copy-{i}", new[] { 1f, 0 }))]);
        Assert.Equal(28, report.NearDuplicates.Count);
        Assert.Equal(20, report.Problems.Count(problem => problem.Contains("one of them is enough", StringComparison.Ordinal)));
        Assert.Contains("8 further pairs are nearly the same update; inspect --json names them.", report.Problems);
    }

    [Fact]
    public void Inspect_Norms_SummaryAndOutliers()
    {
        // 100 is ten times the median, 4.9 is within a factor of two or so of it but far in deviations, 0 is a problem of its own.
        var report = Inspect([.. new[] { 9f, 9.5f, 10, 10.5f, 11, 100, 4.9f, 0 }.Select((norm, i) => ($"a{i}", new[] { norm }))]);
        Assert.Equal((0, 9.75, 100), (report.Summary.Norms.Min, report.Summary.Norms.Median, Math.Round(report.Summary.Norms.Max, 4)));
        Assert.Equal([5, 6], report.Outliers.Select(outlier => outlier.Adapter));
        Assert.Equal([10, 0.49], report.Outliers.Select(outlier => Math.Round(outlier.Ratio, 4)));
    }

    [Fact]
    public void Inspect_NormsOfOneSpread_NoOutliers() =>
        Assert.Empty(Inspect([.. new[] { 2f, 4, 8, 16, 32, 64 }.Select((norm, i) => ($"a{i}", new[] { norm }))]).Outliers);

    [Fact]
    public void Inspect_RanksAndModules_AreCounted()
    {
        var report = PoolInspection.Inspect(new AdapterPool(
        [
            TestAdapters.Adapter("a", 1, rank: 2), TestAdapters.Adapter("b", 2, rank: 5), TestAdapters.Adapter("c", 3, rank: 5),
            TestAdapters.Adapter("d", 4, rank: 5, shapes: [TestAdapters.Shapes[0]]), // one of the two modules
        ]));
        Assert.Equal([(5, 3), (2, 1)], report.Summary.Ranks.Select(count => (Assert.Single(count.Ranks), count.Adapters)));
        Assert.Equal((2, 3), (report.Summary.CommonModules, report.Summary.AdaptersWithCommonModules));
        Assert.Equal((4, 48L * ((2 * 2) + (2 * 5) + (2 * 5) + 5)), (report.Summary.Adapters, report.Summary.Parameters));
    }

    private static PoolReport Inspect(params (string Name, float[] Row)[] adapters) => Inspect(PoolInspection.DefaultGroupCosine, adapters);

    /// <summary>Update: LoraB = (1, 0)', LoraA = the row.</summary>
    private static PoolReport Inspect(double groupCosine, params (string Name, float[] Row)[] adapters) => PoolInspection.Inspect(
        new AdapterPool([.. adapters.Select(adapter => new PeftAdapter(
            adapter.Name,
            new PeftAdapterConfig { Rank = 1, LoraAlpha = 1, BaseModelNameOrPath = "base" },
            [new LoraModule("model.layers.0.mlp.up_proj", adapter.Row.Length, 2, 1, adapter.Row, new float[] { 1, 0 }, 1)]))]),
        groupCosine: groupCosine);
}
