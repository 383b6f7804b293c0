using System.Text;
using Cuvee.Formats.Json;

namespace Cuvee.Formats.Tests.Json;

public class JsonFileTests
{
    private static readonly JsonDocumentKind Kind = new("a menu", MaxBytes: 1000, MaxDepth: 4, "ask the cook");

    [Theory]
    [InlineData("", "menu.json: not valid JSON")]
    [InlineData("{\"a\": 1,\n\"b\": }", "at line 2")]
    [InlineData("{\"a\": 1, \"a\": 2}", "Duplicate property 'a'")]
    [InlineData("{\"\\ud800\": 1}", "a key is not valid Unicode")]
    [InlineData("[[[[[1]]]]]", "depth of 4 has been exceeded")]
    [InlineData("{\"a\": \"0123456789\"", "ask the cook.")]
    [InlineData("version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file itself; run git lfs pull")]
    public void Parse_Defect_NamesFileProblemAndMend(string json, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => Parse(json));
        Assert.StartsWith("menu.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_TooLarge_Refused() => Assert.Equal(
        "menu.json: 1001 bytes are over the 1000 that a menu may take; name another file.",
        Assert.Throws<BadInputException>(() => Parse(new string(' ', 1001))).Message);

    [Fact]
    public void Read_Missing_SaysWhatToName() => Assert.EndsWith(
        "; name a menu.",
        Assert.Throws<BadInputException>(() => JsonFile.Read("/nowhere/menu.json", Kind)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Parse_ByteOrderMark_Accepted()
    {
        using var file = JsonFile.Parse(new byte[] { 0xEF, 0xBB, 0xBF, (byte)'{', (byte)'}' }, "menu.json", Kind);
        Assert.Empty(file.Root.Members());
    }

    [Fact]
    public void Field_WrongKind_NamesThePlaceAndShowsTheValue()
    {
        using var file = Parse("""{"dishes": [{"name": "soup", "price": "4"}, {"name": 5}], "": true, "none": null}""");
        var dishes = file.Root["dishes"].Items().ToList();
        Assert.Equal("soup", dishes[0]["name"].Text());
        Assert.Null(file.Root.Find("none"));
        Assert.True(file.Root[""].Boolean());
        void Refuses(string expected, Action read) =>
            Assert.Equal($"menu.json: {expected}.", Assert.Throws<BadInputException>(read).Message);

        Refuses("'dishes[0].price' is \"4\", not a finite number; ask the cook", () => dishes[0]["price"].Number());
        Refuses("'dishes[0].price' is \"4\", not an integer from 0 to 9; ask the cook", () => dishes[0]["price"].Integer(0, 9));
        Refuses("'dishes[1].name' is 5, not a string; ask the cook", () => dishes[1]["name"].Text());
        Refuses("'dishes[1].name' is 5, not a finite number from 6; ask the cook", () => dishes[1]["name"].Number(6));
        Refuses("'dishes[1].price' is missing; ask the cook", () => _ = dishes[1]["price"]);
        Refuses("'none' is null, not a list; ask the cook", () => file.Root["none"].Items());
        Refuses("'dishes[1]' has the unknown key 'name' (known are dish); ask the cook", () => dishes[1].RequireOnly("dish"));
    }

    private static JsonFile Parse(string json) => JsonFile.Parse(Encoding.UTF8.GetBytes(json), "menu.json", Kind);
}
