using System.Text;
using Cuvee.Hosting;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Metrics;
using Cuvee.Runs;

namespace Cuvee.Lab.References;

/// <summary>Does each stage of a search help? Paired differences on test records between the recipes before and after it.</summary>
internal static class StageEffects
{
    public static async Task<string> DescribeAsync(
        IAdapterHost host, string title, MergeRecipe start, IReadOnlyList<StageOutcome> stages,
        IReadOnlyList<PromptCompletion> test, ulong seed, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var before = await MeasureAsync(host, start, test, cancellationToken);
        foreach (var stage in stages)
        {
            var after = await MeasureAsync(host, stage.Recipe, test, cancellationToken);
            var loss = Bootstrap.Difference(after.Losses, before.Losses, seed);
            var score = Bootstrap.Difference(after.Counts, before.Counts, seed);
            text.Append(
                $"- {title}, seed {seed}, stage {stage.Name}: test loss {before.Loss:0.000} -> {after.Loss:0.000}, " +
                $"difference {Signed(loss.Value, 3)} ");
            text.Append(
                $"[{loss.Lower:0.000}, {loss.Upper:0.000}], " +
                $"F1 {Signed(100 * score.Value, 1)} [{100 * score.Lower:0.0}, {100 * score.Upper:0.0}]\n");
            before = after;
        }

        return text.ToString();
    }

    private static async Task<TestMeasurement> MeasureAsync(
        IAdapterHost host, MergeRecipe recipe, IReadOnlyList<PromptCompletion> test, CancellationToken cancellationToken)
    {
        await using var lease = await host.RealizeAsync(recipe, cancellationToken);
        return await TestMeasurement.OfAsync(
            lease.Model, new IeF1Metric(), test, new GenerationOptions { MaxTokens = 96 }, cancellationToken);
    }

    // Rounded first: a tiny negative number is zero, not minus zero.
    private static string Signed(double value, int digits) =>
        Math.Round(value, digits) is var rounded && rounded == 0 ? "0" : rounded.ToString(digits == 1 ? "+0.0;-0.0" : "+0.000;-0.000");
}
