using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.Metrics;
using Cuvee.Objectives;
using Cuvee.Planning;
using Cuvee.Runs;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Extensions;

/// <summary>CONTRIBUTING, "How to add an objective": one object, one registration, minimised and reported like any other.</summary>
public sealed class ObjectiveExtensionTests : IDisposable
{
    private static readonly Catalog Extended =
        Catalog.Default with { Objectives = [.. Catalog.Default.Objectives, new MissedProbability()] };

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public async Task Run_ObjectiveOfTheTestProject_IsWhatTheSearchMinimises()
    {
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(
            "search: cma-es\nobjective: missed-probability\nfallback: none\nbudget: { queries: 1500 }\n" +
                "settings: { population: 8, penalty: 0 }",
            catalog: Extended)));
        var result = (await new MergeRun(TimeProvider.System, new EventLog()).ExecuteAsync([plan], CancellationToken.None)).Results[0];
        Assert.InRange(result.ValidationLoss, 0, 1); // a cross-entropy would be above 1 here
        Assert.True(result.ValidationLoss < result.StartLoss);
        Assert.Contains("missed-probability", result.Verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains(
            "validation loss (missed-probability)",
            await File.ReadAllTextAsync(Path.Combine(result.Out, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ObjectiveThatIsNotRegistered_IsRefusedWithTheChoices()
    {
        var error = Assert.Throws<BadInputException>(() => zoo.Configure("search: cma-es\nobjective: missed-probability"));
        Assert.Contains("choose cross-entropy, record-cross-entropy, ie-f1", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Mean over records of 1 - p, p the geometric mean probability of an answer token: no record can weigh more than 1.</summary>
    private sealed class MissedProbability : IObjective
    {
        public string Name => "missed-probability";

        public ObservationKind Observes => ObservationKind.Score;

        public IReadOnlyList<Ratio> Contributions(IReadOnlyList<PromptCompletion> records, IReadOnlyList<Observation> observations) =>
            [.. observations.Select(observation => new Ratio(1 - Math.Exp(observation.LogProbability / observation.Tokens), 1))];
    }
}
