using Cuvee.Data;
using Cuvee.Lab.Data;
using Cuvee.Lab.Grammar;
using Cuvee.LanguageModels;

namespace Cuvee.Lab.Tests.Grammar;

public sealed class RestaurantSampleTests
{
    private static readonly string[] Types = ["amenity", "cuisine", "dish", "hours", "location", "price", "rating", "restaurant name"];

    [Fact]
    public void Generate_DefaultSeed_GivesTheCommittedFiles()
    {
        var (validation, test) = RestaurantSample.Generate();

        Assert.Equal(Committed("validation.jsonl"), RestaurantSample.ToPrompts(validation, Split.Validation));
        Assert.Equal(Committed("test.jsonl"), RestaurantSample.ToPrompts(test, Split.Test));
    }

    [Theory]
    [InlineData(RestaurantSample.DefaultSeed)]
    [InlineData(1)]
    [InlineData(2)]
    public void Generate_AnySeed_KeepsTheRules(ulong seed)
    {
        var (validation, test) = RestaurantSample.Generate(seed);
        DataRecord[] all = [.. validation, .. test];

        Assert.Equal(RestaurantSample.ValidationRecords, validation.Count);
        Assert.Equal(RestaurantSample.TestRecords, test.Count);
        Assert.Equal(all.Length, all.Select(r => TextFingerprint.Of(r.Text)).Distinct().Count());
        Assert.Equal(Types, all.SelectMany(r => r.Entities).Select(e => e.Type).Distinct().Order(StringComparer.Ordinal));
        Assert.All(all, AssertSpoken);
        Assert.All(all, AssertSpansInOrder);
        Assert.InRange(all.Average(r => r.Entities.Count), 1.7, 2.3);
        Assert.InRange(all.Count(r => r.Entities.Count == 0), 1, 20);
    }

    [Fact]
    public void Grammar_Templates_AreManyAndPartlyDisjoint()
    {
        var grammar = RestaurantSample.Grammar;
        bool IsFamily(string rule) =>
            rule is "shared" or "validation-only" or "test-only"
            || grammar.RuleNames.TakeWhile(n => n != "find").Contains(rule);

        var shared = grammar.CountAlternatives("shared", IsFamily);
        var validationOnly = grammar.CountAlternatives("validation-only", IsFamily);
        var testOnly = grammar.CountAlternatives("test-only", IsFamily);

        Assert.True(shared + validationOnly + testOnly >= 120, $"{shared} + {validationOnly} + {testOnly} templates");
        Assert.InRange(validationOnly, 15, 60);
        Assert.InRange(testOnly, 25, 80);
        Assert.DoesNotContain("validation-only", grammar.Reachable("test"));
        Assert.DoesNotContain("test-only", grammar.Reachable("validation"));
    }

    [Fact]
    public void Grammar_EveryRule_IsUsed()
    {
        Assert.Empty(RestaurantSample.Grammar.RuleNames.Except(RestaurantSample.Grammar.Reachable("validation", "test")));
    }

    private static void AssertSpoken(DataRecord record) => Assert.Matches("^[a-z0-9]+( [a-z0-9]+)*$", record.Text);

    private static void AssertSpansInOrder(DataRecord record)
    {
        var words = $" {record.Text} ";
        var position = 0;
        foreach (var entity in record.Entities)
        {
            var found = words.IndexOf($" {entity.Text} ", position, StringComparison.Ordinal);
            Assert.True(found >= 0, $"\"{entity.Text}\" is not after column {position} of \"{record.Text}\"");
            position = found + entity.Text.Length;
        }
    }

    private static IReadOnlyList<PromptCompletion> Committed(string file)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Cuvee.slnx"))) folder = folder.Parent!;
        return RecordFile.Read(Path.Combine(folder.FullName, "samples", "restaurant", file));
    }
}
