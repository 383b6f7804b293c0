using System.Text;

namespace Cuvee.Merging.Tests;

public sealed class RecipeJsonTests
{
    [Fact]
    public void Parse_ContractExample_ReadsDefaults()
    {
        var recipe = Parse(
            """{"space": "factors", "adapters": [{"name": "a", "weight": -0.5}, {"weight": 2, "name": "b", "keep_fraction": 0.25}]}""");
        Assert.Equal(MergeSpace.Factors, recipe.Space);
        Assert.Equal([new AdapterShare("a", -0.5, 1), new AdapterShare("b", 2, 0.25)], recipe.Adapters);
    }

    [Fact]
    public void Serialize_Recipe_ExactBytes() => Assert.Equal(
        """
        {
          "space": "delta",
          "adapters": [
            {
              "name": "é \"x\"",
              "keep_fraction": 1,
              "weight": 0.1
            }
          ]
        }

        """.ReplaceLineEndings("\n"),
        Encoding.UTF8.GetString(RecipeJson.Serialize(new MergeRecipe(MergeSpace.Delta, [new("é \"x\"", 0.1)]))));

    [Theory]
    [InlineData(0.1)]
    [InlineData(1.0 / 3)]
    [InlineData(-1.4999999999999998)]
    [InlineData(5e-324)]
    [InlineData(-0.0)]
    [InlineData(123456.789e-7)]
    public void SerializeParse_Doubles_SameBits(double weight)
    {
        var keep = Math.Abs(weight) % 1;
        var share = RecipeJson.Parse(RecipeJson.Serialize(new MergeRecipe(MergeSpace.Delta, [new("a", weight, keep)])), "r").Adapters[0];
        Assert.Equal(BitConverter.DoubleToInt64Bits(weight), BitConverter.DoubleToInt64Bits(share.Weight));
        Assert.Equal(BitConverter.DoubleToInt64Bits(keep), BitConverter.DoubleToInt64Bits(share.KeepFraction));
    }

    [Theory]
    [InlineData("""{"space":"delta","adapters":[],"extra":1}""", "'extra'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1,"alpha":1}]}""", "'alpha' in adapters[0]")]
    [InlineData("""{"adapters":[]}""", "'space' is missing")]
    [InlineData("""{"space":"delta"}""", "'adapters' is missing")]
    [InlineData("""{"space":"Delta","adapters":[]}""", "\"factors\" or \"delta\"")]
    [InlineData("""{"space":"delta","adapters":{}}""", "'adapters' must be an array")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a"}]}""", "'weight' is missing in adapters[0]")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":"1"}]}""", "'adapters[0].weight'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1e999}]}""", "'adapters[0].weight'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"","weight":1}]}""", "'adapters[0].name'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1,"keep_fraction":1.5}]}""", "keep_fraction of adapter 'a'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1},{"name":"a","weight":2}]}""", "'a' twice")]
    [InlineData("""{"space":"delta","space":"factors","adapters":[]}""", "'space' appears twice")]
    [InlineData("""{"space":"delta","adapters":[}""", "not valid JSON")]
    [InlineData("[]", "must be a JSON object")]
    public void Parse_Defect_NamesFileAndKey(string json, string expected)
    {
        var error = Assert.Throws<RecipeFormatException>(() => Parse(json));
        Assert.StartsWith("recipe.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_ExistingFile_ReplacedAndNothingElseLeft()
    {
        var folder = Directory.CreateTempSubdirectory("cuvee-recipe-").FullName;
        try
        {
            var path = Path.Combine(folder, "recipe.json");
            File.WriteAllText(path, "old");
            var recipe = new MergeRecipe(MergeSpace.Factors, [new("a", 0.3, 0.7)]);
            RecipeJson.Write(path, recipe);
            Assert.Equal(recipe.Adapters, RecipeJson.Read(path).Adapters);
            Assert.Equal([path], Directory.GetFileSystemEntries(folder));
            Assert.Throws<ArgumentException>(() => RecipeJson.Write(path, new MergeRecipe(MergeSpace.Delta, [new("a", double.NaN)])));
            Assert.Equal(recipe.Adapters, RecipeJson.Read(path).Adapters);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Read_MissingFile_OneSentence() =>
        Assert.Contains("no-such-recipe.json", Assert.Throws<RecipeFormatException>(
            () => RecipeJson.Read("no-such-recipe.json")).Message, StringComparison.Ordinal);

    private static MergeRecipe Parse(string json) => RecipeJson.Parse(Encoding.UTF8.GetBytes(json), "recipe.json");
}
