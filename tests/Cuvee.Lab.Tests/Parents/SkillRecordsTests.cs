using System.Globalization;
using System.Text.RegularExpressions;
using Cuvee.Lab.Data;
using Cuvee.Lab.Parents;
using Cuvee.Numerics;

namespace Cuvee.Lab.Tests.Parents;

public sealed partial class SkillRecordsTests
{
    private const int Count = 100;

    public static TheoryData<Skill> Skills => [.. Enum.GetValues<Skill>()];

    public static TheoryData<Skill> Measured => [.. SkillRecords.Measured];

    [Theory]
    [MemberData(nameof(Skills))]
    public void Draw_EverySkill_HasTheOneForm(Skill skill)
    {
        var random = new SeededRandom(1);
        for (var i = 0; i < 300; i++)
        {
            var record = SkillRecords.Draw(skill, Split.Train, random);

            Assert.Matches("^[^\n]+\n[^\n]+\nAnswer:$", record.Prompt);
            Assert.Matches("^ [^ \n][^\n]*$", record.Completion);
        }
    }

    [Theory]
    [InlineData(Skill.Calculation)]
    [InlineData(Skill.MathEnglish)]
    [InlineData(Skill.MathEsperanto)]
    public void Draw_Arithmetic_IsTrueAndOnTheNumbersOfTheText(Skill skill)
    {
        var random = new SeededRandom(2);
        for (var i = 0; i < 2000; i++)
        {
            var (_, prompt, completion) = SkillRecords.Draw(skill, Split.Train, random);
            var match = Calculation().Match(completion);
            Assert.True(match.Success, completion);
            int[] numbers = [.. new[] { 1, 3, 4 }.Select(g => int.Parse(match.Groups[g].Value, CultureInfo.InvariantCulture))];
            var result = match.Groups[2].Value switch
            {
                "+" => numbers[0] + numbers[1],
                "-" => numbers[0] - numbers[1],
                _ => numbers[0] * numbers[1],
            };

            Assert.Equal(result, numbers[2]);
            Assert.Equal(
                numbers.Take(2), Digits().Matches(prompt).Select(m => int.Parse(m.Value, CultureInfo.InvariantCulture)));
        }
    }

    /// <summary>What a split asks, it alone asks; the text of a story too, whichever skill and language it stands in.</summary>
    [Fact]
    public void Draw_Splits_ShareNoQuestion()
    {
        var asked = new Dictionary<string, Split>();
        foreach (var split in new[] { Split.Train, Split.Validation, Split.Test })
        {
            foreach (var skill in SkillRecords.Measured)
            {
                var random = SeededRandom.Derive(3, $"{skill}");
                for (var i = 0; i < 2000; i++)
                {
                    var (_, prompt, _) = SkillRecords.Draw(skill, split, random);
                    string[] keys = Stories().IsMatch(prompt) ? [prompt, prompt.Split('\n')[0]] : [prompt];
                    foreach (var key in keys)
                        Assert.Equal(split, asked.TryGetValue(key, out var first) ? first : asked[key] = split);
                }
            }
        }
    }

    /// <summary>A problem of the validation and test files is told in no training text, in neither language.</summary>
    [Fact]
    public void Draw_TrainingOfEverySkill_TellsNoTargetProblem()
    {
        var targets = new[] { Split.Validation, Split.Test }
            .SelectMany(split => SkillRecords.Distinct(Skill.MathEsperanto, split, Count, 1))
            .Select(record => record.Prompt.Split('\n')[0])
            .ToHashSet();
        foreach (var skill in Enum.GetValues<Skill>())
        {
            var random = SeededRandom.Derive(4, $"{skill}");
            for (var i = 0; i < 3000; i++)
            {
                var (_, prompt, completion) = SkillRecords.Draw(skill, Split.Train, random);
                Assert.DoesNotContain(targets, target => (prompt + completion).Contains(target, StringComparison.Ordinal));
            }
        }
    }

    /// <summary>Of no parent: a calculation after a text in Esperanto.</summary>
    [Fact]
    public void Plans_Parents_NeverSeeTheTarget()
    {
        Assert.All(
            ParentPlan.All.Where(plan => plan.Name != ParentPlan.JointTarget),
            plan => Assert.DoesNotContain(plan.Diet, share => share.Skill == Skill.MathEsperanto));
        foreach (var skill in Enum.GetValues<Skill>().Where(skill => skill != Skill.MathEsperanto))
        {
            var random = new SeededRandom(6);
            for (var i = 0; i < 500; i++)
            {
                var (_, prompt, completion) = SkillRecords.Draw(skill, Split.Train, random);
                if (Calculation().IsMatch(completion)) Assert.DoesNotMatch("havas|estas|Estas|Kiom", prompt);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Measured))]
    public void Distinct_EverySkill_IsDistinctAndTheSameForTheSameSeed(Skill skill)
    {
        foreach (var split in new[] { Split.Validation, Split.Test })
        {
            var records = SkillRecords.Distinct(skill, split, Count, 1);

            Assert.Equal(records, SkillRecords.Distinct(skill, split, Count, 1));
            Assert.NotEqual(records, SkillRecords.Distinct(skill, split, Count, 2));
            Assert.Equal(Count, records.Select(record => record.Prompt).Distinct().Count());
            Assert.Equal($"{skill.Name()}-{split.ToString().ToLowerInvariant()}-{Count - 1}", records[^1].Id);
        }
    }

    [GeneratedRegex("^ (?:more|less|times): ([0-9]+) ([-+x]) ([0-9]+) = ([0-9]+)$")]
    private static partial Regex Calculation();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();

    [GeneratedRegex("[0-9]+.*\\. .*[0-9]+.*\\.")]
    private static partial Regex Stories();
}
