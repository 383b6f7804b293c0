using System.Text.Json.Nodes;
using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Extensions;

/// <summary>
/// CONTRIBUTING, "How to add a provider": one object, one registration. This one keeps its weights to itself, knows its adapters by name,
/// and lies on no disk.
/// </summary>
public sealed class ProviderExtensionTests : IDisposable
{
    private static readonly Catalog Extended =
        Catalog.Default with { Providers = [.. Catalog.Default.Providers, new SoftmaxProviderFactory()] };

    private readonly TinyZoo zoo = new(); // for its record files

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Run_ProviderWithNamesOnly_EndsWithARecipeAndItsEvidence()
    {
        var plan = Assert.Single(RunPlanner.Plan(Configure("search: fisher-probing\nbudget: { queries: 1000 }")));
        var result = (await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None)).Results[0];
        Assert.Null(result.Written);
        var weights = ((WeightedRecipe)result.Recipe).Adapters.ToDictionary(share => share.Name, share => share.Weight);
        Assert.True(weights["good"] > 0.5 && weights["bad"] < -0.3, string.Join(", ", weights));
        Assert.False(File.Exists(Path.Combine(result.Out, "adapter_model.safetensors")));
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(result.Out, RunWriter.ManifestFileName)))!;
        Assert.Equal("a softmax of 2 adapters", manifest["model"]!.GetValue<string>());
        Assert.Equal("1, -1", manifest["inputs"]!["pull"]!.GetValue<string>());
        Assert.StartsWith("recipe only", manifest["output"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Contains(
            "`recipe.json` is the result", await File.ReadAllTextAsync(Path.Combine(result.Out, "README.md")), StringComparison.Ordinal);
    }

    /// <summary>As one token such an answer has a probability of e^-40: a model without curvature, whose dampings all propose one
    /// corner.</summary>
    [Fact]
    public async Task Run_FisherProbingOnSumsOfLongAnswers_ComparesDifferentSteps()
    {
        var plan = Assert.Single(RunPlanner.Plan(Configure(
            "search: fisher-probing\nbudget: { queries: 1000 }\nsettings: { damping: 100 }",
            "provider: softmax, pull: [0.1, -0.1], summed_tokens: 30")));
        var result = (await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None)).Results[0];
        var steps = EvaluationLog.Read(Path.Combine(result.Out, EvaluationLog.FileName))
            .Where(line => line is { Stage: "weights", Purpose: EvaluationPurpose.Search, Iteration: 1 })
            .Select(line => string.Join(' ', line.Point!)).ToList();
        Assert.Equal(4, steps.Distinct().Count()); // the start and one step a damping
    }

    [Fact]
    public void Plan_NoWeights_SaysBeforeTheFirstQueryThatTheResultIsARecipe() => Assert.Contains(
        Assert.Single(RunPlanner.Plan(Configure("search: cma-es"))).Notes,
        note => note.Contains("the result is a recipe without weights", StringComparison.Ordinal));

    [Theory]
    [InlineData("search: cma-es\noutput: { rank: 8 }", "gives no weights to write; leave 'output' out")]
    [InlineData("search: cma-es\nspace: factors", "cannot merge in space 'factors'; set space: delta")]
    [InlineData("search: merge-method", "cannot apply merge methods, which search 'merge-method' needs")]
    [InlineData("search: grid", "cannot apply merge methods, which search 'grid' needs")]
    [InlineData("search: cma-es\nobjective: ie-f1", "objective 'ie-f1' needs answers, which it does not generate")]
    [InlineData(
        "search: cma-es\ntest: test.jsonl\ncompare: { few_shot: auto }", "does not count tokens; set it to a number of examples that fits")]
    public void Plan_BeyondItsCapabilities_IsRefusedInOneSentence(string lines, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunPlanner.Plan(Configure(lines)));
        Assert.Contains("a softmax of 2 adapters", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_FewShotByNumber_NeedsNoCountOfTokens() => Assert.Equal(2, RunPlanner.Plan(
        Configure("search: cma-es\ntest: test.jsonl\ncompare: { few_shot: 2 }"))[0].FewShot!.Examples.Count);

    [Fact]
    public void Load_ItsOwnKeys_AreCheckedLikeAnyOther()
    {
        var error = Assert.Throws<BadInputException>(() => Configure("search: cma-es", "provider: softmax, pul: [1]"));
        Assert.Contains("unknown key 'pul' in 'model' (did you mean 'pull'?)", error.Message, StringComparison.Ordinal);
    }

    private RunConfiguration Configure(string more, string model = "provider: softmax, pull: [1, -1]") => RunConfiguration.Parse(
        $"model: {{ {model} }}\npool: {{ names: [good, bad] }}\nvalidation: validation.jsonl\nout: out\n{more}\n",
        Path.Combine(zoo.Folder, "run.yaml"),
        Extended);

    private sealed class SoftmaxProviderFactory : IProviderFactory
    {
        public string Name => "softmax";

        public IProvider Create(ProviderSettings settings) => new SoftmaxProvider(
            settings.Pool.Names!,
            [.. (settings.Model.Texts("pull") ?? []).Select(text =>
                double.Parse(text, System.Globalization.CultureInfo.InvariantCulture))],
            settings.Model.Integer("summed_tokens", 1, 100));
    }

    private sealed class SoftmaxProvider(IReadOnlyList<string> names, IReadOnlyList<double> pull, int? summedTokens) : IProvider
    {
        public string Description => $"a softmax of {names.Count} adapters";

        public ProviderCapabilities Capabilities { get; } = new(
            summedTokens is null ? LogProbabilityDetail.PerToken : LogProbabilityDetail.PerRecord, Answers: false,
            new HashSet<MergeSpace> { MergeSpace.Delta }, Methods: false, Weights: false, ContextLength: null, MaxConcurrentLeases: 4);

        public IReadOnlyList<string> AdapterNames => names;

        public long MemoryBytes(double tokens, bool generates) => 0;

        public void Check(MergeSpace space)
        {
        }

        public IReadOnlyDictionary<string, string> Identity() => new Dictionary<string, string> { ["pull"] = string.Join(", ", pull) };

        public ModelChat Chat => new(null, "a softmax", null, null);

        public IReadOnlyList<RecordLength>? Lengths(IReadOnlyList<PromptCompletion> records, TextRules rules, string file) => null;

        public Task<IProviderSession> OpenAsync(TextRules rules, CancellationToken cancellationToken) => Task.FromResult<IProviderSession>(
            new SoftmaxSession(new SoftmaxHost(names, pull)
            {
                MaxConcurrentLeases = Capabilities.MaxConcurrentLeases,
                SummedTokens = summedTokens,
            }, null));
    }
}
