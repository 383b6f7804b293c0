using Cuvee.Data;
using Cuvee.LanguageModels;
using Cuvee.Merging;

namespace Cuvee.Tests.Runs;

/// <summary>Objective <c>record-cross-entropy</c> from run file to manifest, on records of unequal length.</summary>
public sealed class RecordCrossEntropyTests : SoftmaxRuns
{
    [Fact]
    public async Task ExecuteAsync_EachObjective_ShipsTheLowerLossByItsOwnMean()
    {
        var records = RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"));
        var host = Host();
        IReadOnlyList<ScoredCompletion> Scores(MergeRecipe recipe) =>
            [.. records.Select(record => host.Score((WeightedRecipe)recipe, record))];
        double ByRecord(MergeRecipe recipe) => Scores(recipe).Average(score => -score.LogProbability / score.Tokens);
        const string Fisher = "search: fisher-probing\nseed: 5\nbudget: { queries: 4000 }\n";

        var byRecord = await RunAsync(zoo.Configure(Fisher + "objective: record-cross-entropy", "by-record"));
        var byToken = await RunAsync(zoo.Configure(Fisher, "by-token"));

        Assert.Equal(ByRecord(byRecord.Recipe), byRecord.ValidationLoss, 1e-9);
        Assert.Equal(MeanLoss.Of(Scores(byToken.Recipe)), byToken.ValidationLoss, 1e-9);
        Assert.True(ByRecord(byRecord.Recipe) < ByRecord(byToken.Recipe), "Each is the better one by what it minimised.");
        Assert.True(MeanLoss.Of(Scores(byToken.Recipe)) < MeanLoss.Of(Scores(byRecord.Recipe)));
        Assert.Equal("record-cross-entropy", Manifest(byRecord)["objective"]!.GetValue<string>());
        Assert.Contains("record-cross-entropy", byRecord.Verdict.Sentence, StringComparison.Ordinal);
    }
}
