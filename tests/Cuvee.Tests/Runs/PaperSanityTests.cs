using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;
using Cuvee.Searches;

namespace Cuvee.Tests.Runs;

/// <summary>
/// The sanity checks of arXiv 2509.12951 on the real engine with trained adapters, and what each merge space makes of a harmful one.
/// </summary>
public sealed class PaperSanityTests(TrainedZoo trained) : IClassFixture<TrainedZoo>
{
    [Theory]
    [InlineData("evo-merging", "delta")]
    [InlineData("evo-merging", "factors")]
    [InlineData("fisher-probing", "delta")]
    public async Task Search_OneAdapterTrainedForTheTask_RecoversIt(string search, string space)
    {
        var zoo = trained.Converged;
        var result = await RunAsync(zoo, search, space, TrainedZoo.Harmful);
        // In factors w and -w are the same model.
        Assert.InRange(Math.Abs(((WeightedRecipe)result.Recipe).Adapters.Single().Weight), 0.7, 1.4);
        var single = await LossAsync(zoo, MergeRecipes.Single(((WeightedRecipe)result.Recipe).Space, TrainedZoo.Helper));
        Assert.InRange(result.ValidationLoss, single - 0.1, single + 0.005);
    }

    [Theory]
    [InlineData("evo-merging")]
    [InlineData("fisher-probing")]
    public async Task Search_HelperAndHarmfulAdapterInDelta_SubtractsTheHarmfulOne(string search)
    {
        var zoo = trained.HalfTrained;
        var result = await RunAsync(zoo, search, "delta");
        var weights = ((WeightedRecipe)result.Recipe).Adapters.ToDictionary(share => share.Name, share => share.Weight);
        Assert.True(weights[TrainedZoo.Helper] > 0.3, $"helper {weights[TrainedZoo.Helper]}");
        Assert.True(weights[TrainedZoo.Harmful] < -0.1, $"harmful {weights[TrainedZoo.Harmful]}");
        Assert.True(result.ValidationLoss < await LossAsync(zoo, MergeRecipes.Single(MergeSpace.Delta, TrainedZoo.Helper)) - 0.01);
    }

    [Fact]
    public async Task Search_HarmfulAdapterAlone_IsSubtractedInDeltaAndOnlyDroppedInFactors()
    {
        var zoo = trained.HalfTrained;
        var baseLoss = await LossAsync(zoo, MergeRecipes.BaseModel(MergeSpace.Delta));
        var delta = await RunAsync(zoo, "evo-merging", "delta", TrainedZoo.Helper);
        Assert.True(((WeightedRecipe)delta.Recipe).Adapters.Single().Weight < -0.1);
        Assert.True(delta.ValidationLoss < baseLoss - 0.05);

        // Its own term has weight w^2 >= 0 (methods: factors): the best that the space can do is to leave the adapter out.
        var factors = await RunAsync(zoo, "evo-merging", "factors", TrainedZoo.Helper);
        Assert.InRange(Math.Abs(((WeightedRecipe)factors.Recipe).Adapters.Single().Weight), 0, 0.2);
        Assert.InRange(factors.ValidationLoss, baseLoss - 0.005, baseLoss + 0.02);
    }

    [Fact]
    public async Task Score_AllWeightsNegated_IsTheSameModelInFactorsAndAnotherInDelta()
    {
        var zoo = trained.HalfTrained;
        WeightedRecipe Recipe(MergeSpace space, double sign) =>
            new(space, [new AdapterShare(TrainedZoo.Helper, sign * 0.8), new AdapterShare(TrainedZoo.Harmful, sign * -0.3)]);
        Assert.Equal(await LossAsync(zoo, Recipe(MergeSpace.Factors, 1)), await LossAsync(zoo, Recipe(MergeSpace.Factors, -1)));
        Assert.True(Math.Abs(await LossAsync(zoo, Recipe(MergeSpace.Delta, 1)) - await LossAsync(zoo, Recipe(MergeSpace.Delta, -1))) > 0.1);
    }

    private static async Task<RunResult> RunAsync(TinyZoo zoo, string search, string space, string? exclude = null)
    {
        var text = $"model: model\npool: {{ path: pool, exclude: [{exclude}] }}\nvalidation: validation.jsonl\n" +
            $"search: {search}\nspace: {space}\n" +
            $"out: out-{search}-{space}-{exclude}\nbudget: {{ evaluations: 160 }}\nsettings: {{ held_out: 0 }}\n";
        var configuration = Cuvee.Configuration.RunConfiguration.Parse(text, Path.Combine(zoo.Folder, "run.yaml"));
        var report = await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync(RunPlanner.Plan(configuration),
            CancellationToken.None);
        return Assert.Single(report.Results);
    }

    private static async Task<double> LossAsync(TinyZoo zoo, WeightedRecipe recipe)
    {
        using var model = EmbeddedModel.Load(zoo.ModelFolder);
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(AdapterPool.Load(zoo.PoolFolder)));
        await using var lease = await host.RealizeAsync(recipe, CancellationToken.None);
        var records = Cuvee.Data.RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"));
        return MeanLoss.Of(await lease.Model.ScoreAsync(records, CancellationToken.None));
    }
}
