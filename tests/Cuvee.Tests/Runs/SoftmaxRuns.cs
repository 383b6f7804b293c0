using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Journaling;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

/// <summary>One search from plan to written result on a model whose answers are known; real engine: <see cref="MergeRunTests"/>.</summary>
public abstract class SoftmaxRuns : IDisposable
{
    private protected const string Weights = "search: cma-es\nseed: 5\n";
    private protected const string BothStages = "search: evo-merging\nspace: delta\nseed: 5\n" +
        "settings: { population: 6, sample: 6, held_out: 0.25, check_every: 2 }\nbudget: { evaluations: 80 }";

    private protected static readonly string[] Names = ["adapter-a", "adapter-b", "adapter-c"];
    private protected static readonly double[] Pull = [1, -1, 0.1];

    private static readonly string[] ResultFiles =
        ["adapter_model.safetensors", "adapter_config.json", "recipe.json", "README.md", EvaluationLog.FileName];

    private protected readonly TinyZoo zoo = new();

    public void Dispose()
    {
        zoo.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static SoftmaxHost Host() => new(Names, Pull);

    private protected static IReadOnlyList<AdapterShare> Shares(MergeRecipe recipe) => ((WeightedRecipe)recipe).Adapters;

    private protected static double Weight(RunResult result, string name) =>
        Shares(result.Recipe).Single(share => share.Name == name).Weight;

    private protected static JsonNode Manifest(RunResult result) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(result.Out, RunWriter.ManifestFileName)))!;

    private protected async Task<RunResult> RunAsync(
        RunConfiguration configuration, bool resume = false, SoftmaxHost? host = null, EventLog? log = null, RunOptions? options = null,
        TimeProvider? clock = null)
    {
        var plan = Assert.Single(RunPlanner.Plan(configuration, resume));
        var session = new SoftmaxSession(host ?? Host(), new RecipeMerger(AdapterPool.Load(zoo.PoolFolder)));
        return await new RunExecutor(session, clock ?? TimeProvider.System, log ?? new EventLog())
            .ExecuteAsync(plan, null, options, CancellationToken.None);
    }

    private protected byte[] Bytes(string output, string file) => File.ReadAllBytes(Path.Combine(zoo.Folder, output, file));

    private protected void AssertSameResults(string first, string second)
    {
        foreach (var file in ResultFiles) Assert.Equal(Bytes(first, file), Bytes(second, file));
    }
}
