using Cuvee.Formats;
using Cuvee.Lab.Data;

namespace Cuvee.Lab.Tests.Data;

public sealed class TaskBuilderTests : IDisposable
{
    private const string Ner = """
        {"text": "Ada met Bo in Oslo", "entities": [{"type": "Person", "text": "Ada"}, {"type": "place_name", "text": "Oslo"}, {"type": "Person", "text": "Ada"}]}
        """;

    private const string Re = """
        {"text": "Ada, of Oslo, wed Bo", "relations": [{"type": "Lives_In", "head": "Ada", "tail": "Oslo"}, {"type": "wed", "head": "Ada", "tail": "Bo"}, {"type": "knows", "head": "Ada", "tail": "Bo"}]}
        """;

    private const string Event = """
        {"text": "Ada sold and Bo bought it", "events": [{"type": "Sale", "trigger": "sold", "arguments": [{"role": "Seller", "text": "Ada"}, {"role": "goods", "text": "it"}]}, {"type": "sale", "trigger": "bought", "arguments": [{"role": "goods", "text": "it"}]}, {"type": "end", "trigger": "it", "arguments": []}]}
        """;

    private readonly DataSetFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(
        LabTask.Ner, "ner", Ner,
        "Extract the entities with their types.\nText: Ada met Bo in Oslo\nAnswer:",
        " person: Ada; place name: Oslo")]
    [InlineData(LabTask.Es, "ner", Ner, "Extract the entity spans.\nText: Ada met Bo in Oslo\nAnswer:", " Ada; Oslo")]
    [InlineData(
        LabTask.Et, "ner", Ner,
        "Give the type of each entity.\nText: Ada met Bo in Oslo\nEntities: Ada; Oslo\nAnswer:",
        " person: Ada; place name: Oslo")]
    [InlineData(
        LabTask.Re, "re", Re,
        "Extract the relations.\nText: Ada, of Oslo, wed Bo\nAnswer:",
        " lives in: Ada, Oslo; wed: Ada, Bo; knows: Ada, Bo")]
    [InlineData(LabTask.Ep, "re", Re, "Extract the related pairs.\nText: Ada, of Oslo, wed Bo\nAnswer:", " Ada, Oslo; Ada, Bo")]
    [InlineData(
        LabTask.Epr, "re", Re,
        "Give the relation of each pair.\nText: Ada, of Oslo, wed Bo\nPairs: Ada, Oslo; Ada, Bo\nAnswer:",
        " lives in: Ada, Oslo; wed: Ada, Bo; knows: Ada, Bo")]
    [InlineData(
        LabTask.Ee, "event", Event,
        "Extract the events with their arguments.\nText: Ada sold and Bo bought it\nAnswer:",
        " sale: sold; seller: Ada; goods: it; sale: bought; end: it")]
    [InlineData(
        LabTask.Eet, "event", Event,
        "Extract the event triggers with their types.\nText: Ada sold and Bo bought it\nAnswer:",
        " sale: sold; sale: bought; end: it")]
    [InlineData(
        LabTask.Classify, "classify", """{"text": "lost it", "label": "Card_Lost"}""",
        "Classify the text.\nText: lost it\nAnswer:",
        " card lost")]
    public void Build_EachTask_WritesTheZoosFormat(LabTask task, string kind, string record, string prompt, string completion)
    {
        var built = TaskBuilder.Build(Single(kind, record), task, Split.Test);

        var only = Assert.Single(built.Records);
        Assert.Equal("one-test-0", only.Id);
        Assert.Equal(prompt, only.Prompt);
        Assert.Equal(completion, only.Completion);
    }

    [Fact]
    public void Build_EventArguments_AsksOncePerEvent()
    {
        var built = TaskBuilder.Build(Single("event", Event), LabTask.Eea, Split.Test);

        Assert.Equal(["one-test-0", "one-test-1", "one-test-2"], built.Records.Select(r => r.Id));
        Assert.Equal([" seller: Ada; goods: it", " goods: it", " none"], built.Records.Select(r => r.Completion));
        Assert.Equal(
            "Extract the arguments of the event.\nText: Ada sold and Bo bought it\nEvent: sale, bought\nAnswer:",
            built.Records[1].Prompt);
        Assert.Equal(2, TaskBuilder.Build(Single("event", Event), LabTask.Eea, Split.Test, limit: 2).Records.Count);
    }

    [Theory]
    [InlineData(LabTask.Ner, 1, 0)]
    [InlineData(LabTask.Es, 1, 0)]
    [InlineData(LabTask.Et, 0, 1)] // nothing to type
    public void Build_RecordWithoutEntities_AnswersNoneOrIsLeftOut(LabTask task, int records, int leftOut)
    {
        var built = TaskBuilder.Build(Single("ner", """{"text": "hello", "entities": []}"""), task, Split.Test);

        Assert.Equal(records, built.Records.Count);
        Assert.Equal(leftOut, built.LeftOutAsEmpty);
        Assert.All(built.Records, r => Assert.Equal(" none", r.Completion));
    }

    [Fact]
    public void Build_SeparatorInASpan_LeavesTheRecordOutAndCountsIt()
    {
        var path = folder.Add("event", "one", [], [
            """{"text": "a; b", "events": [{"type": "x", "trigger": "a", "arguments": [{"role": "r", "text": "a; b"}]}]}""",
            """{"text": "c; d", "events": [{"type": "x", "trigger": "c", "arguments": []}]}""",
        ]);
        var dataSet = DataSetCatalog.OpenDataSet(path);

        var arguments = TaskBuilder.Build(dataSet, LabTask.Eea, Split.Test);
        var triggers = TaskBuilder.Build(dataSet, LabTask.Eet, Split.Test);

        Assert.Equal(1, arguments.LeftOutForSeparator);
        Assert.Equal("one-test-0", Assert.Single(arguments.Records).Id);
        Assert.Equal(0, triggers.LeftOutForSeparator); // this task does not show the argument
        Assert.Equal(2, triggers.Records.Count);
    }

    [Fact]
    public void Build_Limit_TakesTheFirstOfTheSplit()
    {
        var dataSet = DataSetCatalog.OpenDataSet(folder.Add("classify", "one", DataSetFolder.Labelled("a", 30), []));

        var all = TaskBuilder.Build(dataSet, LabTask.Classify, Split.Validation).Records;
        var some = TaskBuilder.Build(dataSet, LabTask.Classify, Split.Validation, limit: 4).Records;

        Assert.Equal(10, all.Count);
        Assert.Equal(all.Take(4), some);
        Assert.Equal("one-validation-3", some[3].Id);
    }

    [Fact]
    public void Build_TaskOfAnotherKind_NamesThePossibleOnes()
    {
        var exception = Assert.Throws<BadInputException>(() => TaskBuilder.Build(Single("ner", Ner), LabTask.Re, Split.Test));

        Assert.Contains("ner, es, et", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LabTask.Ner, "ner", Ner, "person, place name")]
    [InlineData(LabTask.Es, "ner", Ner, "person, place name")]
    [InlineData(LabTask.Epr, "re", Re, "knows, lives in, wed")]
    [InlineData(LabTask.Ee, "event", Event, "end, goods, sale, seller")]
    [InlineData(LabTask.Eet, "event", Event, "end, sale")]
    [InlineData(LabTask.Eea, "event", Event, "goods, seller")]
    public void Build_LabelsOfTheTrainingSplit_AreTheOptions(LabTask task, string kind, string record, string options)
    {
        var other = record.Replace("{\"text\": \"", "{\"text\": \"so ", StringComparison.Ordinal).Trim();
        var dataSet = DataSetCatalog.OpenDataSet(folder.Add(kind, "one", [record.Trim()], [other]));

        var built = TaskBuilder.Build(dataSet, task, Split.Test);

        Assert.All(built.Records, r => Assert.StartsWith(
            $"{TaskFormat.Of(task).Instruction}\nOptions: {options}\nText: ", r.Prompt, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(TaskFormat.MostOptions, true)]
    [InlineData(TaskFormat.MostOptions + 1, false)]
    public void Build_MoreLabelsThanFit_ShowsNone(int labels, bool shown)
    {
        var train = Enumerable.Range(0, labels).Select(i => $$"""{"text": "text {{i}}", "label": "label_{{i:00}}"}""");
        var dataSet = DataSetCatalog.OpenDataSet(folder.Add("classify", "one", train, [""" {"text": "more", "label": "unseen"} """]));

        var only = Assert.Single(TaskBuilder.Build(dataSet, LabTask.Classify, Split.Test).Records);

        Assert.Equal(shown, only.Prompt.Contains("\nOptions: label 00, label 01, ", StringComparison.Ordinal));
        Assert.Equal(shown, only.Prompt.Contains("Options", StringComparison.Ordinal));
        Assert.DoesNotContain("unseen", only.Prompt, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_EveryTask_HasAFormat()
    {
        Assert.All(Enum.GetValues<LabTask>(), task => Assert.Equal(task, TaskFormat.Of(task).Task));
    }

    private DataSet Single(string kind, string record) => DataSetCatalog.OpenDataSet(folder.Add(kind, "one", [], [record.Trim()]));
}
