using Cuvee.Formats;
using Cuvee.Merging;
using Cuvee.Planning;

namespace Cuvee.Tests.Runs;

/// <summary>Searches that begin with a recipe of the user's (<c>start</c>).</summary>
public sealed class StartTests : SoftmaxRuns
{
    private const string Fisher = "search: fisher-probing\nseed: 5\nbudget: { queries: 400 }\n";

    [Theory]
    [InlineData(Fisher)]
    [InlineData(Weights + "budget: { queries: 400 }\n")]
    public async Task Run_FromAnEarlierResult_BeginsThereAndEndsNoHigher(string search)
    {
        var first = await RunAsync(zoo.Configure(Fisher, "first"));

        var second = await RunAsync(zoo.Configure(search + "start: first\n", "second")); // a run's folder
        var third = await RunAsync(zoo.Configure(search + "start: first/recipe.json\n", "third"));

        Assert.Equal(first.Verdict.SearchLoss, second.StartLoss, 1e-9);
        Assert.True(second.Verdict.SearchLoss <= first.Verdict.SearchLoss);
        AssertSameResults("second", "third");
        Assert.Contains("\"start\":", await File.ReadAllTextAsync(Path.Combine(second.Out, "run.json")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_FromTheBestSingleAdapter_BeginsThereAndEndsNoHigher()
    {
        const string Text = Weights + "budget: { queries: 400 }\nfallback: none\nsettings: { start: best-single }\n";
        var result = await RunAsync(zoo.Configure(Text, "out"));

        Assert.Equal(result.Verdict.Single.Loss, result.StartLoss, 1e-9);
        Assert.True(result.Verdict.SearchLoss <= result.Verdict.Single.Loss);
        Assert.Equal(3, Shares(result.Recipe).Count); // a place for each adapter
    }

    [Fact]
    public async Task Resume_StartHasChanged_IsRefused()
    {
        Write(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 0.5)]));
        await RunAsync(zoo.Configure(Fisher + "start: start.json\n", "out"));
        Write(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 0.4)]));

        var error = await Assert.ThrowsAsync<BadInputException>(
            () => RunAsync(zoo.Configure(Fisher + "start: start.json\n", "out"), resume: true));

        Assert.Contains("differs in 'inputs.start'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_RecipeOfFewerAdaptersWithLayers_HasAShareOfEachAndOneWeight()
    {
        Write(new WeightedRecipe(MergeSpace.Delta,
        [
            new AdapterShare("adapter-c", 0.7, 0.5),
            new AdapterShare("adapter-a", 0.1) { GroupWeights = [new GroupValue("layers.0", 0.2), new GroupValue("layers.1", 0.6)] },
        ]));

        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(Fisher + "start: start.json\n")));

        Assert.Equal(
            [("adapter-a", 0.4, 1.0), ("adapter-b", 0, 1), ("adapter-c", 0.7, 0.5)],
            Shares(plan.Program.Start).Select(share => (share.Name, Math.Round(share.Weight, 12), share.KeepFraction)));
        Assert.Equal("the search begins with the mean of each adapter's weights of layers (1 have such).", plan.Notes[0]);
    }

    [Fact]
    public void Plan_RecipeOfSomeLayers_TheOthersHaveItsDefaultWeight()
    {
        Write(new WeightedRecipe(MergeSpace.Delta,
            [new AdapterShare("adapter-a", 0.6) { GroupWeights = [new GroupValue("layers.0", 0.2)] }]));

        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(Fisher + "start: start.json\n")));

        Assert.Equal(0.4, Shares(plan.Program.Start)[0].Weight, 1e-12);
    }

    [Theory]
    [InlineData("search: grid\nstart: start.json\n", "search 'grid' begins with no recipe of yours; leave 'start' out.")]
    [InlineData(Fisher + "start: nowhere.json\n", "nowhere.json")]
    [InlineData(
        Fisher + "space: factors\nstart: start.json\n",
        "start.json: is a recipe in space 'delta', and the search runs in 'factors'; set space: delta.")]
    [InlineData(
        Fisher + "start: other.json\n",
        "other.json: names adapter 'adapter-z', which the pool lacks; add it to the pool, or take it out of the recipe.")]
    [InlineData(Weights + "settings: { draw: 2 }\nstart: start.json\n", "'start' and 'settings.draw' both choose adapters")]
    [InlineData(Weights + "settings: { start: best-single }\nstart: start.json\n", "'start' and 'settings.start' are two beginnings")]
    [InlineData(Weights + "settings: { start: best-single, draw: 2 }\n", "which 'settings.draw' may not draw")]
    [InlineData(Weights + "settings: { start: zero }\nstart: start.json\n", "'start' and 'settings.start' are two beginnings")]
    [InlineData(Fisher + "start: method.json\n", "method.json: holds no weights of adapters")]
    [InlineData(
        Fisher + "start: far.json\n",
        "far.json: adapter 'adapter-b' has weight -2.5, and weights are searched from -1.5 to 1.5; bring it into that range, or leave")]
    public void Plan_StartThatDoesNotFit_OneSentenceNamesIt(string text, string problem)
    {
        Write(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 0.5)]));
        Write(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-y", 0), new AdapterShare("adapter-z", 0.1)]), "other.json");
        Write(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("adapter-a", 1.5), new AdapterShare("adapter-b", -2.5)]), "far.json");
        RecipeJson.Write(
            Path.Combine(zoo.Folder, "method.json"),
            new MethodRecipe("linear", new Dictionary<string, double>(), [new AdapterParameters("adapter-a")]));

        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(zoo.Configure(text)));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    private void Write(WeightedRecipe recipe, string name = "start.json") => RecipeJson.Write(Path.Combine(zoo.Folder, name), recipe);
}
