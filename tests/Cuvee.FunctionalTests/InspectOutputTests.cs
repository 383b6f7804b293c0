using System.Text.Json;
using Cuvee.Formats.Peft;

namespace Cuvee.FunctionalTests;

/// <summary>What people read of a pool, letter by letter, and the same in JSON. Updates are chosen so that every number is exact.</summary>
public sealed class InspectOutputTests : IDisposable
{
    private readonly TinyZoo zoo = new(adapters: 0);

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Inspect_Groups_ApprovedText()
    {
        WriteSix();
        var run = await CuveeRun.InProcessAsync("inspect", zoo.PoolFolder);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(
            """
            6 adapters, 192 parameters; all of rank 1
            modules: 6 of 6 adapters have the same 1
            norms: 1 to 10, median 1.25
            groups: 2, joined down to a mean cosine of 0.04; 1 of 6 alone
            near-duplicates: 1 pair with a cosine above 0.98
            outliers by norm: ner-news (8 times the median)

            adapter          norm  conflict  cosine  nearest
            mit-movie: 3 adapters, mean cosine 0.63
              es-mit-movie      1      0.00    0.80  et-mit-movie
              et-mit-movie   1.25      0.10    0.80  es-mit-movie
              ner-mit-movie  1.25      0.10    0.80  es-mit-movie
            snips: 2 adapters, mean cosine 1.00
              et-snips          1      0.00    1.00  ner-snips
              ner-snips         2      0.00    1.00  et-snips
            alone: 1 adapter
              ner-news         10      0.00    0.00  es-mit-movie

            cosine: with the nearest other adapter; conflict: mean share of opposite signs, 0.5 for unrelated updates.
            problem: 'et-snips' and 'ner-snips' are nearly the same update (cosine 1.0000); one of them is enough.

            """,
            run.Output);
    }

    [Fact]
    public async Task Inspect_AdaptersThatDiffer_ColumnsOfWhatDiffersAndNoHeadWithoutGroups()
    {
        zoo.WriteAdapter("plain", 1, [Module([1])]);
        zoo.WriteAdapter("wide", 2, [Module([0, 2], rank: 2), Module([0, 1], rank: 2, layer: 1)]);
        var run = await CuveeRun.InProcessAsync("inspect", zoo.PoolFolder);
        Assert.Equal(
            """
            2 adapters, 160 parameters; ranks 1 (1), 2 (1)
            modules: 1 of 2 adapters have the same 1
            norms: 1 to 2.236, median 1.618
            groups: 0, joined down to a mean cosine of 0.04; 2 of 2 alone

            adapter  rank  modules   norm  conflict  cosine  nearest
            plain       1        1      1      0.00    0.00  wide
            wide        2        2  2.236      0.00    0.00  plain


            """,
            run.Output[..run.Output.IndexOf("cosine: with", StringComparison.Ordinal)]);
    }

    [Fact]
    public async Task Inspect_GroupCosine_DecidesWhatIsJoined()
    {
        WriteSix();
        var run = await CuveeRun.InProcessAsync("inspect", zoo.PoolFolder, "--group-cosine", "0.9", "--json");
        Assert.Equal(["snips"], run.Result["groups"]!.AsArray().Select(group => group!["name"]!.GetValue<string>()));
        var refused = await CuveeRun.InProcessAsync("inspect", zoo.PoolFolder, "--group-cosine", "2");
        Assert.Equal(2, refused.Code);
        Assert.Contains("--group-cosine is 2; it must lie in [-1, 1];", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_Json_HoldsWhatTheTextSays()
    {
        WriteSix();
        var result = (await CuveeRun.InProcessAsync("inspect", zoo.PoolFolder, "--json")).Result;
        Assert.Equal(
            """{"adapters":6,"parameters":192,"ranks":[{"ranks":[1],"adapters":6}],"norms":{"min":1,"median":1.25,"max":10},""" +
            "\"common_modules\":1,\"adapters_with_common_modules\":6}",
            result["summary"]!.ToJsonString());
        Assert.Equal(["mit-movie", "snips"], result["groups"]!.AsArray().Select(group => group!["name"]!.GetValue<string>()));
        Assert.Equal(["et-snips", "ner-snips"], result["groups"]![1]!["adapters"].Deserialize<string[]>()!);
        Assert.Equal((0.8 + 0.8 + 0.28) / 3, result["groups"]![0]!["mean_cosine"]!.GetValue<double>(), 1e-6);
        var pair = Assert.Single(result["near_duplicates"]!.AsArray());
        Assert.Equal(["et-snips", "ner-snips"], pair!["adapters"].Deserialize<string[]>()!);
        Assert.Equal(1, pair["cosine"]!.GetValue<double>(), 1e-6);
        Assert.Equal("""[{"adapter":"ner-news","ratio":8}]""", result["outliers"]!.ToJsonString());
    }

    /// <summary>One row of one module each; (1, 0), (1, 0.75) and (1, -0.75) have cosines 0.8, 0.8 and 0.28.</summary>
    private void WriteSix()
    {
        zoo.WriteAdapter("es-mit-movie", 1, [Module([1])]);
        zoo.WriteAdapter("et-mit-movie", 1, [Module([1, 0.75f])]);
        zoo.WriteAdapter("ner-mit-movie", 1, [Module([1, -0.75f])]);
        zoo.WriteAdapter("et-snips", 1, [Module([0, 0, 0, 1])]);
        zoo.WriteAdapter("ner-snips", 1, [Module([0, 0, 0, 2])]);
        zoo.WriteAdapter("ner-news", 1, [Module([0, 0, 0, 0, 10])]);
    }

    private static LoraModule Module(float[] row, int rank = 1, int layer = 0) =>
        new($"model.layers.{layer}.self_attn.q_proj", 16, 16, rank, Padded(row, 16 * rank), Padded([1], 16 * rank), 1);

    private static float[] Padded(float[] values, int length) => [.. values, .. new float[length - values.Length]];
}
