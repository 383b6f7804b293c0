using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Formats.Safetensors;
using Cuvee.LanguageModels;
using Cuvee.Merging;

namespace Cuvee.Tests.Configuration;

public class RunConfigurationTests
{
    private const string Required =
        "model: base\npool: { path: pool, exclude: [one, two] }\nvalidation: v.jsonl\nout: out\nsearch: evo-merging\n";

    [Fact]
    public void Parse_RelativePaths_StartFromTheFilesFolder()
    {
        var configuration = RunConfiguration.Parse(Required, "/somewhere/runs/run.yaml");
        Assert.EndsWith("/somewhere/runs/base", configuration.Provider.Description, StringComparison.Ordinal);
        Assert.Equal("/somewhere/runs/pool", configuration.Pool.Path);
        Assert.Equal("/somewhere/runs/v.jsonl", configuration.Validation);
        Assert.Equal("/somewhere/runs/out", configuration.Out);
        Assert.Equal(["one", "two"], configuration.Pool.Exclude);
        Assert.Equal(42ul, configuration.Seed);
    }

    [Fact]
    public void Parse_PaperPreset_IsTheAuthorsSettings()
    {
        var search = RunConfiguration.Parse(Required + "preset: paper\n", "run.yaml").Search;
        Assert.Equal(MergeSpace.Factors, search.Space);
        Assert.Equal(["keep-fractions", "weights"], search.Values.List("stages")!);
        Assert.Equal((400, 800), (search.Values.Integer("keep_fraction_candidates"), search.Values.Integer("weight_candidates")));
        Assert.Equal((20, 300), (search.Values.Integer("population"), search.Values.Integer("sample")));
        Assert.Equal((0.05, 0.05), (search.Values.Number("step_size"), search.Values.Number("penalty")));
        Assert.Equal("evo-merging (paper)", search.Title);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("~")]
    [InlineData("")]
    public void Parse_YamlsNull_IsAMissingKey(string text)
    {
        var run = RunConfiguration.Parse($"{Required}cache: {text}\ntest: {text}\nbudget: {text}\n", "run.yaml");
        Assert.Equal((null, null, RunBudget.None), (run.Cache, run.Test, run.Search.Budget));
        Assert.EndsWith("null", RunConfiguration.Parse($"{Required}cache: 'null'\n", "run.yaml").Cache, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OwnSettings_OverrideThePreset()
    {
        var search = RunConfiguration.Parse(
            Required + "preset: paper\nspace: delta\nbudget: { queries: 500 }\nsettings: { population: 8, stages: [weights] }\n",
                "run.yaml").Search;
        Assert.Equal(MergeSpace.Delta, search.Space);
        Assert.Equal(new RunBudget(null, 500), search.Budget);
        Assert.Equal(8, search.Values.Integer("population"));
        Assert.Equal(["weights"], search.Values.List("stages")!);
        Assert.Equal(0.05, search.Values.Number("step_size"));
    }

    [Fact]
    public void Parse_TokensAndMoney_AreLimitsAndPrices()
    {
        var text = Required.Replace(
            "model: base", "model: { path: base, price: { prompt: 0.15, completion: 0.6 } }", StringComparison.Ordinal);
        var run = RunConfiguration.Parse(text + "budget: { tokens: 70000, cost: 0.25 }\n", "run.yaml");
        Assert.Equal(new RunBudget(null, null, 70_000, 0.25), run.Search.Budget);
        Assert.Equal(0.75e-3, run.Price!.CostOf(new Expense(9, 1000, 1000)), 12);
    }

    [Theory]
    [InlineData("", "budget: { cost: 1 }", "'budget.cost' needs prices; set model.price")]
    [InlineData(", price: { prompt: 1 }", "", "key 'model.price.completion' is missing")]
    [InlineData(", price: { prompt: -1, completion: 1 }", "", "model.price.prompt")]
    [InlineData("", "budget: { tokens: 0 }", "budget.tokens")]
    public void Parse_TokensOrMoneyOutOfRange_NamesFieldAndMend(string price, string budget, string expected)
    {
        var text = Required.Replace("model: base", $"model: {{ path: base{price} }}", StringComparison.Ordinal);
        var error = Assert.Throws<BadInputException>(() => RunConfiguration.Parse($"{text}{budget}\n", "run.yaml"));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("preset: paper\n", "evo-merging (paper)")]
    [InlineData("preset: paper\nspace: delta\n", "evo-merging (delta)")]
    [InlineData("preset: paper\nbudget: { queries: 5000 }\n", "evo-merging (factors)")]
    [InlineData("preset: paper\nsettings: { penalty: 0 }\n", "evo-merging (factors)")]
    [InlineData("settings: { lowest_weight: 0 }\n", "evo-merging (delta, weights from 0)")]
    [InlineData("", "evo-merging (delta)")]
    [InlineData("settings: { stages: [weights] }\n", "CMA-ES over weights (delta)")]
    [InlineData("settings: { stages: [weights, keep-fractions] }\n", "CMA-ES over weights, then keep fractions (delta)")]
    public void Title_EvoMerging_ClaimsOnlyWhatRuns(string more, string expected) =>
        Assert.Equal(expected, RunConfiguration.Parse(Required + more, "run.yaml").Search.Title);

    [Theory]
    [InlineData(50_000)]
    [InlineData(30)]
    public void Parse_ManyOpenBrackets_NamesTheLine(int depth)
    {
        var error = Assert.Throws<BadInputException>(
            () => RunConfiguration.Parse(Required + "settings: " + new string('[', depth), "run.yaml"));
        Assert.Contains("run.yaml, line 6: nested deeper than 20 levels", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "cross-entropy")]
    [InlineData("objective: ie-f1", "ie-f1")]
    [InlineData("objective: [rouge-l, cross-entropy]", "rouge-l,cross-entropy")]
    public void Parse_Objective_IsOneOrSeveral(string line, string expected) => Assert.Equal(
        expected.Split(','),
        RunConfiguration.Parse(Required + line, "run.yaml").Objectives.Select(objective => objective.Name));

    [Fact]
    public void Parse_ObjectiveThatIsAMetric_IsShownAsTheMetricToo() =>
        Assert.Equal("ie-f1", RunConfiguration.Parse(Required + "objective: ie-f1", "run.yaml").Metric!.Name);

    [Theory]
    [InlineData("", null, null)]
    [InlineData("random_adapters: auto, few_shot: 4", 0, 4)]
    [InlineData("random_adapters: 7, few_shot: auto", 7, 0)]
    public void Parse_FurtherControls_OnlyWhereAskedFor(string keys, int? adapters, int? examples)
    {
        var compare = RunConfiguration.Parse(Required + $"test: t.jsonl\ncompare: {{ {keys} }}", "run.yaml").Compare!;
        Assert.Equal((adapters, examples), (compare.RandomAdapters, compare.FewShot));
    }

    [Fact]
    public void Parse_Output_DefaultsToTheSmallestRankInBf16()
    {
        Assert.Equal(
            new OutputSettings(null, TensorType.BF16, null), RunConfiguration.Parse(Required, "run.yaml").Output);
        Assert.Equal(
            new OutputSettings(32, TensorType.F32, null),
            RunConfiguration.Parse(Required + "output: { rank: 32, dtype: f32 }", "run.yaml").Output);
    }

    [Theory]
    [InlineData("objective: loss", "'objective' is 'loss'; choose cross-entropy, record-cross-entropy, ie-f1")]
    [InlineData("objective: [cross-entropy, cross-entropy]", "each once")]
    [InlineData("output: { format: gguf }", "choose peft, folded")]
    [InlineData("output: { format: folded, rank: 8 }", "'output.rank' bounds an adapter")]
    [InlineData("fallback: base", "'fallback' is 'base'; choose best-single, none")]
    [InlineData("sede: 3", "run.yaml, line 6: unknown key 'sede' (did you mean 'seed'?)")]
    [InlineData("budget: { evaluation: 3 }", "run.yaml, line 6: unknown key 'evaluation' in 'budget' (did you mean 'evaluations'?)")]
    [InlineData("settings:\n  populaton: 3", "run.yaml, line 7: unknown key 'populaton' in 'settings' (did you mean 'population'?)")]
    [InlineData("settings: { probe_records: 3 }", "unknown key 'probe_records' in 'settings'")]
    [InlineData("seed: -1", "run.yaml, line 6: 'seed' must be a whole number from 0")]
    [InlineData("space: deltas", "'space' is 'deltas'; choose factors, delta (did you mean 'delta'?)")]
    [InlineData("preset: best", "'preset' is 'best'; choose delta, paper, quick")]
    [InlineData("settings: { population: 3 }", "'settings.population' must be a whole number from 4")]
    [InlineData("settings: { stages: [weights, weights] }", "each once")]
    [InlineData("compare: { metric: f1 }", "choose ie-f1")]
    [InlineData("compare: {}", "'compare' needs 'test'")]
    [InlineData(
        "test: t.jsonl\ncompare:\n  searches:\n    - { search: random, sapce: delta }",
        "line 9: unknown key 'sapce' in 'compare.searches[0]'")]
    [InlineData("seed: 1\nseed: 2", "not valid YAML")]
    [InlineData("compare: { few_shot: true }", "line 6: 'compare.few_shot' must be auto or a whole number from 1 to 100000.")]
    [InlineData("compare: { random_adapters: 0 }", "'compare.random_adapters' must be auto or a whole number from 1")]
    public void Parse_Mistake_NamesFileLineAndMend(string line, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunConfiguration.Parse(Required + line, "run.yaml"));
        Assert.StartsWith("run.yaml", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("density: [0.5, 1.5]", "line 6: 'settings.density' must be a list of numbers from 0 to 1, such as [0.5, 1]")]
    [InlineData("density: [0.5, high]", "'settings.density' must be a list of numbers")]
    [InlineData("lambda: 0.5", "'settings.lambda' must be a list of numbers from -10 to 10, at least one, each once")]
    [InlineData("lambda: [1, 1.0]", "at least one, each once")]
    [InlineData("method: tie", "choose breadcrumbs, dare-linear, dare-ties, della, emr, linear, slerp, task-arithmetic, ties, tsv-m")]
    public void Parse_MistakeInAGrid_NamesFileLineAndMend(string setting, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RunConfiguration.Parse(
            Required.Replace("evo-merging", "grid", StringComparison.Ordinal) + $"settings: {{ {setting} }}", "run.yaml"));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_Grid_IsTheAuthorsProtocol()
    {
        var search = RunConfiguration.Parse(Required.Replace("evo-merging", "grid", StringComparison.Ordinal), "run.yaml").Search;
        Assert.Equal(("ties", 10), (search.Values.Text("method"), search.Values.Integer("top")));
        Assert.Equal([0.1, 0.3, 0.5, 0.7, 1], search.Values.Numbers("lambda")!);
        Assert.Equal([0.5, 0.7, 0.9, 1], search.Values.Numbers("density")!);
        Assert.Equal("ties (best 10, grid)", search.Title);
        Assert.Equal(
            """{"density":[0.5,0.7,0.9,1],"lambda":[0.1,0.3,0.5,0.7,1],"method":"ties","top":10}""", search.Values.ToJson().ToJsonString());
    }

    [Theory]
    [InlineData("model")]
    [InlineData("pool")]
    [InlineData("validation")]
    [InlineData("out")]
    [InlineData("search")]
    public void Parse_MissingKey_NamesIt(string key)
    {
        var text = string.Join('\n', Required.Split('\n').Where(line => !line.StartsWith(key, StringComparison.Ordinal)));
        var error = Assert.Throws<BadInputException>(() => RunConfiguration.Parse(text, "run.yaml"));
        Assert.Contains($"'{key}'", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("did you mean", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model", "modle", 1)]
    [InlineData("pool", "pools", 2)]
    [InlineData("validation", "validaton", 3)]
    [InlineData("out", "outs", 4)]
    [InlineData("search", "serach", 5)]
    public void Parse_MisspelledRequiredKey_SaysWhichAndWhere(string key, string misspelled, int line)
    {
        var text = $"\n{Required}".Replace($"\n{key}: ", $"\n{misspelled}: ", StringComparison.Ordinal)[1..];
        var error = Assert.Throws<BadInputException>(() => RunConfiguration.Parse(text, "run.yaml"));
        Assert.Equal($"run.yaml, line {line}: key '{key}' is missing; did you mean it by '{misspelled}'?", error.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("- a\n- b")]
    [InlineData("model: [")]
    public void Parse_NoMapping_SaysSo(string text) =>
        Assert.StartsWith("run.yaml", Assert.Throws<BadInputException>(() => RunConfiguration.Parse(text, "run.yaml")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Load_NoFile_NamesIt() => Assert.Contains(
        "missing-run.yaml", Assert.Throws<BadInputException>(() => RunConfiguration.Load("missing-run.yaml")).Message,
            StringComparison.Ordinal);
}
