using System.CommandLine;
using System.Text;
using Cuvee.CommandLine;
using Cuvee.Lab.Data;
using Cuvee.Lab.Zoo;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab score-zoo</c>: every specialist's own-task table as markdown on standard output.</summary>
internal static class ScoreZooCommand
{
    public static Command Create()
    {
        var plan = new Argument<string>("plan")
        {
            Description = "The zoo's plan, such as zoo/zoo.yaml; the zoo lies beside it unless --zoo says otherwise.",
        };
        var data = new Option<string>("--data") { Description = "Folder of data sets.", Required = true };
        var zoo = new Option<string?>("--zoo") { Description = "Folder of the zoo." };
        var limit = new Option<int>("--limit")
        {
            Description = "At most this many test records a specialist.",
            DefaultValueFactory = _ => 300,
        };
        var command = new ExampleCommand(
            "score-zoo",
            "Score every specialist on its own test set beside the base model.",
            "cuvee-lab score-zoo zoo/zoo.yaml --data data > scores.md") { plan, data, zoo, limit };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var path = arguments.GetRequiredValue(plan);
            var folder = arguments.GetValue(zoo) ?? Path.GetDirectoryName(Path.GetFullPath(path))!;
            var scorer = new ZooScorer(
                ZooPlan.Read(path), DataSetCatalog.Open(arguments.GetRequiredValue(data)), folder, arguments.GetValue(limit));
            var scores = new List<SpecialistScore>();
            await foreach (var score in scorer.ScoreAsync(cancellationToken))
            {
                scores.Add(score);
                await Console.Error.WriteLineAsync(
                    $"{score.Name}: {score.BaseValue:P1} -> {score.Value.Value:P1}, " +
                    $"loss {score.BaseLoss:F2} -> {score.Loss:F2}");
            }

            await Console.Out.WriteAsync(Render(scores));
            return 0;
        });
        return command;
    }

    private static string Render(List<SpecialistScore> scores)
    {
        var text = new StringBuilder();
        text.Append(
            "| specialist | metric | records | base loss | loss | base | specialist [95%] | gain [95%] |\n" +
            "|---|---|---:|---:|---:|---:|---:|---:|\n");
        foreach (var s in scores)
        {
            text.Append($"| {s.Name} | {s.Metric} | {s.Records} | {s.BaseLoss:F2} | {s.Loss:F2} | {100 * s.BaseValue:F1} | ");
            text.Append($"{100 * s.Value.Value:F1} [{100 * s.Value.Lower:F1}, {100 * s.Value.Upper:F1}] | ");
            text.Append($"{100 * s.Gain.Value:+0.0;-0.0} [{100 * s.Gain.Lower:F1}, {100 * s.Gain.Upper:F1}] |\n");
        }

        var significant = scores.Count(s => s.Gain.Lower > 0);
        text.Append(
            $"\nMean gain {100 * scores.Average(s => s.Gain.Value):F1} points; " +
            $"{significant} of {scores.Count} significantly above the base.\n");
        return text.ToString();
    }
}
