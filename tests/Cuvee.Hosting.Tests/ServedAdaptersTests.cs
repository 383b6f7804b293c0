using Cuvee.Formats;
using Cuvee.Hosting.LlamaCpp;

namespace Cuvee.Hosting.Tests;

public sealed class ServedAdaptersTests
{
    [Fact]
    public void Names_Files_AreTheirsOrTheirFolders()
    {
        var served = new ServedAdapters(["/a/ner.gguf", "pool/qa/adapter.gguf", @"C:\pool\sum.GGUF", "x@y.gguf", "/a/ner@0.5.gguf"]);
        Assert.Equal(["ner", "qa", "sum", "x@y"], served.Names);
        Assert.Equal((5, 0, 1, 4), (served.Count, served.Find("ner", 1), served.Find("qa", 1), served.Find("ner", 0.5)));
        Assert.Null(served.Find("qa", 0.5));
    }

    [Fact]
    public void KeepFractions_OfSomeAdapters_AreThoseThatAllHave()
    {
        var served = new ServedAdapters(["a.gguf", "a@0.25.gguf", "a@0.5.gguf", "b.gguf", "b@0.5.gguf", "c.gguf"]);
        Assert.Equal([1, 0.5], served.KeepFractions(["a", "b"]));
        Assert.Equal([1, 0.5, 0.25], served.KeepFractions(["a"]));
        Assert.Equal([1], served.KeepFractions(["a", "c"]));
    }

    [Theory]
    [InlineData("a/ner.gguf,b/ner.gguf", "a second adapter 'ner'")]
    [InlineData("ner@0.5.gguf", "'ner' in pruned form only")]
    public void Constructor_UnclearFiles_AreRefused(string paths, string expected) => Assert.Contains(
        expected, Assert.Throws<BadInputException>(() => new ServedAdapters(paths.Split(','))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(1, "ner.gguf")]
    [InlineData(0.5, "ner@0.5.gguf")]
    public void FileName_Adapter_IsReadBack(double fraction, string expected)
    {
        Assert.Equal(expected, ServedAdapters.FileName("ner", fraction));
        Assert.NotNull(new ServedAdapters(["ner.gguf", .. fraction == 1 ? [] : (string[])[expected]]).Find("ner", fraction));
    }
}
