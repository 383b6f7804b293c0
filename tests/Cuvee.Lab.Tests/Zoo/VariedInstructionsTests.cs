using Cuvee.Formats;
using Cuvee.Lab.Data;
using Cuvee.Lab.Tests.Data;
using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;

namespace Cuvee.Lab.Tests.Zoo;

public sealed class VariedInstructionsTests : IDisposable
{
    private static readonly Dictionary<string, List<string>> Words = new()
    {
        ["guest"] = ["visitor", "patron"],
        ["dish"] = ["meal"],
        ["tool"] = ["device"],
    };

    private readonly DataSetFolder folder = new();
    private readonly DataSet menu;

    public VariedInstructionsTests() => menu = DataSetCatalog.OpenDataSet(folder.Add(
        "ner", "menu",
        Enumerable.Range(0, 90).Select(i => $$"""
            {"text": "guest{{i}} ate dish{{i}}", "entities": [{"type": "guest", "text": "guest{{i}}"}, {"type": "dish", "text": "dish{{i}}"}]}
            """.Trim()),
        []));

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Records_FirstCopy_IsTheZoosFormat()
    {
        var plain = TaskBuilder.Build(menu, LabTask.Ner, Split.Train).Records;

        Assert.Equal(plain, new VariedInstructions(Words, 1).Records(menu, LabTask.Ner, null, 1));
        Assert.Equal(plain, new VariedInstructions(Words, 1).Records(menu, LabTask.Ner, null, 3).Take(plain.Count));
    }

    [Fact]
    public void Records_Varied_AnswerExactlyWhatTheOptionsAskFor()
    {
        var varied = Varied(LabTask.Ner);
        var seen = new HashSet<string>();
        foreach (var record in varied)
        {
            var options = Options(record);
            seen.UnionWith(options);
            Assert.Equal(options.Length, options.Distinct().Count());
            var number = record.Prompt.Split("guest")[^1].Split(' ')[0];
            var expected = options.Where(o => o is "guest" or "visitor" or "patron").Select(o => $"{o}: guest{number}")
                .Concat(options.Where(o => o is "dish" or "meal").Select(o => $"{o}: dish{number}"));
            var answer = string.Join("; ", expected);
            Assert.Equal(answer.Length == 0 ? " none" : " " + answer, record.Completion);
        }

        Assert.Equal(["device", "dish", "guest", "meal", "patron", "tool", "visitor"], seen.Order(StringComparer.Ordinal));
        Assert.Contains(varied, record => record.Completion == " none" || !record.Completion.Contains(';'));
        Assert.Contains(varied, record => Options(record) is var options && !options.SequenceEqual(options.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void Records_SameSeed_SameRecords()
    {
        Assert.Equal(Varied(LabTask.Es), Varied(LabTask.Es));
        Assert.NotEqual(Varied(LabTask.Es), Varied(LabTask.Es, seed: 2));
    }

    [Fact]
    public void Records_Classification_KeepsTheAnswerAmongTheOptions()
    {
        var moods = DataSetCatalog.OpenDataSet(folder.Add(
            "classify", "moods",
            Enumerable.Range(0, 60).Select(i => $$"""{"text": "text {{i}}", "label": "{{(i % 2 == 0 ? "guest" : "dish")}}"}"""),
            []));
        foreach (var record in new VariedInstructions(Words, 1).Records(moods, LabTask.Classify, null, 3))
        {
            var number = record.Prompt.Split("text ")[^1].Split('\n')[0];
            var label = int.Parse(number, System.Globalization.CultureInfo.InvariantCulture) % 2 == 0 ? "guest" : "dish";
            Assert.Contains(record.Completion.Trim(), Words[label].Append(label));
            Assert.Contains(record.Completion.Trim(), Options(record));
        }
    }

    [Fact]
    public void Records_WordOfTwoLabels_IsTheClassOfOneOfThem()
    {
        Dictionary<string, List<string>> shared = new() { ["calm"] = ["mood", "wild"], ["wild"] = ["mood"] };
        var moods = DataSetCatalog.OpenDataSet(folder.Add(
            "classify", "moods",
            Enumerable.Range(0, 60).Select(i => $$"""{"text": "text {{i}}", "label": "{{(i % 2 == 0 ? "calm" : "wild")}}"}"""),
            []));
        foreach (var record in new VariedInstructions(shared, 1).Records(moods, LabTask.Classify, null, 3))
        {
            var number = record.Prompt.Split("text ")[^1].Split('\n')[0];
            var isCalm = int.Parse(number, System.Globalization.CultureInfo.InvariantCulture) % 2 == 0;
            var answer = record.Completion.Trim();
            Assert.Contains(answer, isCalm ? (string[])["calm", "mood"] : ["wild", "mood"]);
            Assert.Contains(answer, Options(record));
            // Beside the shared word, the other label goes by its own.
            if (answer == "mood") Assert.DoesNotContain(isCalm ? "calm" : "wild", Options(record));
        }
    }

    [Fact]
    public void Records_WordOfManyTypes_LeavesNoTypeOut()
    {
        string[] types = ["bowl", "cup", "fork", "jug", "knife", "pan", "plate", "spoon"];
        var entities = string.Join(", ", types.Select(type => $$"""{"type": "{{type}}", "text": "a {{type}}"}"""));
        var text = string.Join(" ", types.Select(type => $"a {type}"));
        var kitchen = DataSetCatalog.OpenDataSet(folder.Add(
            "ner", "kitchen",
            Enumerable.Range(0, 60).Select(i => $$"""{"text": "{{i}}: {{text}}", "entities": [{{entities}}]}"""),
            []));
        var records = new VariedInstructions(types.ToDictionary(type => type, _ => (List<string>)["thing"]), 1)
            .Records(kitchen, LabTask.Ner, null, 3).Skip(kitchen.Records(Split.Train).Count).ToList();
        Assert.All(records, record => Assert.Equal(Options(record).Length, record.Completion.Split(';').Length));
        // Types are left out of some four records in ten, and of no other.
        Assert.InRange(records.Count(record => Options(record).Length == types.Length), records.Count / 2, records.Count);
    }

    [Fact]
    public void Records_EventsInVariedWords_AreRefused() => Assert.Contains(
        "instruction_copies: 1",
        Assert.Throws<BadInputException>(() => new VariedInstructions(Words, 1).Records(menu, LabTask.Eea, null, 2).ToList()).Message,
        StringComparison.Ordinal);

    private List<PromptCompletion> Varied(LabTask task, ulong seed = 1) =>
        [.. new VariedInstructions(Words, seed).Records(menu, task, null, 3).Skip(menu.Records(Split.Train).Count)];

    private static string[] Options(PromptCompletion record) =>
        record.Prompt.Split('\n').Single(line => line.StartsWith("Options: ", StringComparison.Ordinal))["Options: ".Length..].Split(", ");
}
