using Cuvee.Formats;
using Cuvee.Lab.Data;

namespace Cuvee.Lab.Tests.Data;

public sealed class DataSetCatalogTests : IDisposable
{
    private readonly DataSetFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(900, 300)]
    [InlineData(899, 299)]
    [InlineData(2500, 300)]
    [InlineData(10, 3)]
    [InlineData(2, 0)]
    public void Open_TrainOfSomeSize_ReservesThreeHundredOrAThird(int train, int reserved)
    {
        folder.Add("classify", "one", DataSetFolder.Labelled("train", train), DataSetFolder.Labelled("test", 4));

        var dataSet = DataSetCatalog.Open(folder.Root)["one"];

        Assert.Equal(reserved, dataSet.Records(Split.Validation).Count);
        Assert.Equal(train - reserved, dataSet.Records(Split.Train).Count);
        Assert.Equal(4, dataSet.Records(Split.Test).Count);
        var all = dataSet.Records(Split.Train).Concat(dataSet.Records(Split.Validation)).Select(r => r.Text);
        Assert.Equal(train, all.Distinct().Count());
    }

    [Fact]
    public void Open_SameSeed_ReservesTheSameAndAnotherSeedOthers()
    {
        folder.Add("classify", "one", DataSetFolder.Labelled("train", 300), []);

        var first = Validation(seed: 1);

        Assert.Equal(first, Validation(seed: 1));
        var other = Validation(seed: 2);
        Assert.InRange(first.Intersect(other).Count(), 15, 55); // 100 of 300 twice: 33 expected, standard deviation 4.7
        Assert.NotEqual(first.Order(StringComparer.Ordinal), first); // drawn, not cut off the file

        string[] Validation(ulong seed) => [.. DataSetCatalog.Open(folder.Root, seed)["one"].Records(Split.Validation).Select(r => r.Text)];
    }

    [Fact]
    public void Open_SetsThatShareTexts_ReserveTheSameTextsAndTrainOnNoneOfThem()
    {
        // The second set spells the texts of the first with other case and punctuation and adds as many of its own.
        string[] shared = [.. Enumerable.Range(0, 60).Select(i => $$"""{"text": "Shared, {{i}}!", "label": "y"}""")];
        folder.Add("classify", "one", DataSetFolder.Labelled("shared", 60), []);
        folder.Add("classify", "two", [.. shared, .. DataSetFolder.Labelled("own", 60)], []);

        var catalog = DataSetCatalog.Open(folder.Root);

        var reserved = catalog.DataSets.SelectMany(d => d.Records(Split.Validation)).Select(r => TextFingerprint.Of(r.Text)).ToHashSet();
        Assert.All(catalog.DataSets,
            d => Assert.DoesNotContain(d.Records(Split.Train), r => reserved.Contains(TextFingerprint.Of(r.Text))));
        foreach (var dataSet in catalog.DataSets)
        {
            var total = dataSet.Name == "one" ? 60 : 120;
            Assert.Equal(total, dataSet.Records(Split.Train).Count + dataSet.Records(Split.Validation).Count + dataSet.WithheldFromTrain);
        }

        var sharedReserved = catalog["two"].Records(Split.Validation).Count(r => r.Text.StartsWith("Shared", StringComparison.Ordinal));
        var alsoInOne = catalog["two"].Records(Split.Validation)
            .Count(r => catalog["one"].Records(Split.Validation).Any(o => TextFingerprint.Of(o.Text) == TextFingerprint.Of(r.Text)));
        Assert.InRange(sharedReserved, 1, 40);
        Assert.InRange((double)alsoInOne / sharedReserved, 0.8, 1); // by chance it would be a third
    }

    [Fact]
    public void PlainTexts_ReservedAndTestTexts_AreNotThereAndNoneComesTwice()
    {
        folder.Add("classify", "one", DataSetFolder.Labelled("shared", 60), DataSetFolder.Labelled("test", 5));
        folder.Add("ner", "two", Enumerable.Range(0, 50).Select(i => $$"""{"text": "SHARED {{i}}.", "entities": []}"""), []);

        var catalog = DataSetCatalog.Open(folder.Root);
        var plain = catalog.PlainTexts().Select(TextFingerprint.Of).ToArray();

        Assert.Equal(plain.Length, plain.Distinct().Count());
        Assert.DoesNotContain(plain, t => t.StartsWith("test", StringComparison.Ordinal));
        var reserved = catalog.DataSets.SelectMany(d => d.Records(Split.Validation))
            .Select(r => TextFingerprint.Of(r.Text)).Distinct().ToArray();
        Assert.Empty(plain.Intersect(reserved));
        Assert.Equal(60, plain.Length + reserved.Length);
    }

    [Fact]
    public void OpenDataSet_FolderOfACatalog_TrainsOnTheSameRecords()
    {
        folder.AddManifest("one", "two");
        var one = folder.Add("classify", "one", DataSetFolder.Labelled("shared", 60), []);
        folder.Add("classify", "two", DataSetFolder.Labelled("shared", 20), []);

        var alone = DataSetCatalog.OpenDataSet(one + Path.DirectorySeparatorChar);

        var inCatalog = DataSetCatalog.Open(folder.Root)["one"];
        Assert.Equal(inCatalog.Records(Split.Train), alone.Records(Split.Train));
        Assert.Equal("CC0 1.0", alone.Description.Licence);
        Assert.Equal(["a"], alone.Description.Types);
    }

    [Fact]
    public void OpenDataSet_NoManifest_ReadsThatFolderOnly()
    {
        var one = folder.Add("classify", "one", DataSetFolder.Labelled("a", 9), []);
        folder.Add("classify", "broken", ["{"], []);

        var dataSet = DataSetCatalog.OpenDataSet(one);

        Assert.Equal(3, dataSet.Records(Split.Validation).Count);
        Assert.Equal("not stated", dataSet.Description.Licence);
    }

    [Theory]
    [InlineData("ner", """{"text": "a"}""", "\"entities\" must be a list")]
    [InlineData("ner", """{"text": "a", "entities": [{"type": "x"}]}""", "\"text\" must be a text")]
    [InlineData("re", """{"text": "a", "relations": [{"type": "x", "head": "a", "tail": 3}]}""", "\"tail\" must be a text")]
    [InlineData("event", """{"text": "a", "events": [{"type": "x", "trigger": "a"}]}""", "\"arguments\" must be a list")]
    [InlineData("classify", """{"label": "a"}""", "\"text\" must be a text")]
    [InlineData("classify", "{\"text\": ", "not a classify record")]
    public void Open_BadRecord_NamesFileLineAndField(string kind, string line, string what)
    {
        folder.Add(kind, "one", ["", line], []);

        var exception = Assert.Throws<BadInputException>(() => DataSetCatalog.Open(folder.Root));

        Assert.Contains("train.jsonl, line 2", exception.Message, StringComparison.Ordinal);
        Assert.Contains(what, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenDataSet_NotInAKindFolder_SaysSo()
    {
        var misplaced = folder.Add("7", "one", [], []);

        Assert.Contains(
            "ner, re, event or classify",
            Assert.Throws<BadInputException>(() => DataSetCatalog.OpenDataSet(misplaced)).Message,
            StringComparison.Ordinal);
        Assert.Throws<BadInputException>(() => DataSetCatalog.OpenDataSet(Path.Combine(folder.Root, "ner", "missing")));
        Assert.Throws<BadInputException>(() => DataSetCatalog.Open(folder.Root));
        Assert.Throws<BadInputException>(() => DataSetCatalog.Open(Path.Combine(folder.Root, "missing")));
    }
}
