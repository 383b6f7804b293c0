using Cuvee.Configuration;
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
        Assert.Equal("/somewhere/runs/base", configuration.Model);
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
        Assert.Equal([new(StageKind.KeepFractions, 400), new(StageKind.Weights, 800)], search.Stages);
        Assert.Equal(20, search.PopulationSize);
        Assert.Equal(0.05, search.InitialStepSize);
        Assert.Equal(0.05, search.PenaltyStrength);
        Assert.Equal(300, search.SampleSize);
    }

    [Fact]
    public void Parse_OwnSettings_OverrideThePreset()
    {
        var search = RunConfiguration.Parse(
            Required + "preset: paper\nspace: delta\nbudget: { queries: 500 }\nsettings: { population: 8, stages: [weights] }\n",
                "run.yaml").Search;
        Assert.Equal(MergeSpace.Delta, search.Space);
        Assert.Equal(new RunBudget(null, 500), search.Budget);
        Assert.Equal(8, search.PopulationSize);
        Assert.Equal([new(StageKind.Weights, 800)], search.Stages);
        Assert.Equal(0.05, search.InitialStepSize);
    }

    [Theory]
    [InlineData("sede: 3", "run.yaml, line 6: unknown key 'sede' (did you mean 'seed'?)")]
    [InlineData("budget: { evaluation: 3 }", "run.yaml, line 6: unknown key 'evaluation' in 'budget' (did you mean 'evaluations'?)")]
    [InlineData("settings:\n  populaton: 3", "run.yaml, line 7: unknown key 'populaton' in 'settings' (did you mean 'population'?)")]
    [InlineData("settings: { probe_records: 3 }", "unknown key 'probe_records' in 'settings'")]
    [InlineData("seed: -1", "run.yaml, line 6: 'seed' must be a whole number from 0")]
    [InlineData("space: deltas", "'space' is 'deltas'; choose factors, delta (did you mean 'delta'?)")]
    [InlineData("preset: best", "search 'evo-merging' has no preset 'best'; choose paper, delta, quick")]
    [InlineData("settings: { population: 3 }", "'settings.population' must be a whole number from 4")]
    [InlineData("settings: { stages: [weights, weights] }", "each once")]
    [InlineData("compare: { metric: f1 }", "choose ie-f1")]
    [InlineData("compare: {}", "'compare' needs 'test'")]
    [InlineData(
        "test: t.jsonl\ncompare:\n  searches:\n    - { search: random, sapce: delta }",
        "line 9: unknown key 'sapce' in 'compare.searches[0]'")]
    [InlineData("seed: 1\nseed: 2", "not valid YAML")]
    public void Parse_Mistake_NamesFileLineAndMend(string line, string expected)
    {
        var error = Assert.Throws<RunConfigurationException>(() => RunConfiguration.Parse(Required + line, "run.yaml"));
        Assert.StartsWith("run.yaml", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
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
        var error = Assert.Throws<RunConfigurationException>(() => RunConfiguration.Parse(text, "run.yaml"));
        Assert.Contains($"'{key}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("- a\n- b")]
    [InlineData("model: [")]
    public void Parse_NoMapping_SaysSo(string text) =>
        Assert.StartsWith("run.yaml", Assert.Throws<RunConfigurationException>(() => RunConfiguration.Parse(text, "run.yaml")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Load_NoFile_NamesIt() => Assert.Contains(
        "missing-run.yaml", Assert.Throws<RunConfigurationException>(() => RunConfiguration.Load("missing-run.yaml")).Message,
            StringComparison.Ordinal);
}
