using System.Text;
using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Parents;

/// <summary>One model on the test records of one skill.</summary>
/// <param name="ExactMatch">Share of greedy answers that equal the expected one, in [0, 1].</param>
/// <param name="Loss">Nats per answer token.</param>
public sealed record ParentScore(string Model, string Skill, int Records, double ExactMatch, double Loss);

/// <summary>Every model on every skill; parents.json.</summary>
public sealed record ParentsTable(ulong Seed, IReadOnlyList<ParentScore> Scores)
{
    public const string FileName = "parents.json";

    public void Write(string path) => ResultsJson.Write(path, this);

    /// <summary>Markdown: a row a model, a column a skill; percent of exact matches and, in brackets, the loss.</summary>
    public string Render()
    {
        var skills = Scores.Select(score => score.Skill).Distinct().ToArray();
        var text = new StringBuilder();
        text.Append($"| model | {string.Join(" | ", skills)} |\n|---|{string.Concat(skills.Select(_ => "---:|"))}\n");
        foreach (var model in Scores.GroupBy(score => score.Model))
        {
            text.Append($"| {model.Key} |");
            foreach (var score in model) text.Append($" {100 * score.ExactMatch:F1} ({score.Loss:F2}) |");
            text.Append('\n');
        }

        return text.ToString();
    }
}
