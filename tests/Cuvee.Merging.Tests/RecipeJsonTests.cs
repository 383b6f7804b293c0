using System.Text;
using Cuvee.Formats;

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
        Encoding.UTF8.GetString(RecipeJson.Serialize(new WeightedRecipe(MergeSpace.Delta, [new("é \"x\"", 0.1)]))));

    [Theory]
    [InlineData(PrunedFactor.LoraA, null)]
    [InlineData(PrunedFactor.LoraB, "b")]
    [InlineData(PrunedFactor.Both, "both")]
    public void SerializeParse_PrunedFactor_SameRecipe(PrunedFactor pruned, string? key)
    {
        var bytes = RecipeJson.Serialize(new WeightedRecipe(MergeSpace.Delta, [new("a", 1, 0.5)]) { Pruned = pruned });
        Assert.Equal(key is not null, Encoding.UTF8.GetString(bytes).Contains($"\"pruned\": \"{key}\"", StringComparison.Ordinal));
        Assert.Equal(pruned, Weighted(bytes).Pruned);
    }

    [Fact]
    public void SerializeParse_PathThroughAMergeByGroups_SameRecipe()
    {
        var merged = new MethodRecipe(
            "dare_ties",
            new Dictionary<string, double> { ["lambda"] = 0.5 },
            [
                new AdapterParameters("a", new Dictionary<string, double> { ["weight"] = 0.25, ["density"] = 0.75 })
                {
                    GroupParameters = new Dictionary<string, GroupValues>
                    {
                        ["weight"] = [new GroupValue("layers.0", -1), new GroupValue("head", 2)],
                        ["epsilon"] = [new GroupValue("embeddings", 0.125)],
                    },
                },
                new AdapterParameters("b"),
            ],
            9);
        var bytes = RecipeJson.Serialize(
            new PathRecipe(null, [new RecipeStep(null, 0), new RecipeStep("a", 1, -0.9), new RecipeStep(null, 0, 1.1)], merged));
        var path = Assert.IsType<PathRecipe>(RecipeJson.Parse(bytes, "recipe.json"));
        Assert.Equal(bytes, RecipeJson.Serialize(path));
        Assert.Equal((null, "a", -0.9, 1), (path.First, path.Steps[1].Model, path.Steps[1].InputScale, path.Steps[0].InputScale));
        var read = Assert.IsType<MethodRecipe>(path.Merged).Adapters[0];
        Assert.Equal((0.25, 0.75), (read.Parameters["weight"], read.Parameters["density"]));
        Assert.Equal([new GroupValue("head", 2), new GroupValue("layers.0", -1)], read.GroupParameters["weight"]);
        Assert.False(read.Parameters.ContainsKey("epsilon"));
    }

    [Theory]
    [InlineData("""{"first":"a","path":[]}""", "path has no step")]
    [InlineData("""{"path":[{"model":"a","layer":0}]}""", "give 'merged'")]
    [InlineData("""{"first":"a","path":[{"layer":0}]}""", "give 'merged'")]
    [InlineData("""{"first":"a","path":[{"model":"a","layer":0,"scale":0}]}""", "not 0")]
    [InlineData("""{"first":"a","path":[{"model":"a","layer":0,"width":1}]}""", "'width'")]
    [InlineData("""{"first":"a","path":[{"model":"a","layer":-1}]}""", "'path[0].layer'")]
    [InlineData(
        """{"path":[{"layer":0}],"merged":{"first":"a","path":[{"model":"a","layer":0}]}}""", "a path goes through models")]
    [InlineData("""{"method":"ties","adapters":[{"name":"a","weight":{"head":1e999}}]}""", "weight")]
    public void Parse_BadPathOrGroups_NamesThePlace(string json, string expected) => Assert.Contains(
        expected, Assert.Throws<BadInputException>(() => RecipeJson.Parse(Encoding.UTF8.GetBytes(json), "recipe.json")).Message,
        StringComparison.Ordinal);

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
        var share = Weighted(RecipeJson.Serialize(new WeightedRecipe(MergeSpace.Delta, [new("a", weight, keep)]))).Adapters[0];
        Assert.Equal(BitConverter.DoubleToInt64Bits(weight), BitConverter.DoubleToInt64Bits(share.Weight));
        Assert.Equal(BitConverter.DoubleToInt64Bits(keep), BitConverter.DoubleToInt64Bits(share.KeepFraction));
    }

    [Theory]
    [InlineData("""{"space":"delta","adapters":[],"extra":1}""", "'extra'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1,"alpha":1}]}""", "'adapters[0]' has the unknown key 'alpha'")]
    [InlineData("""{"space":"delta","pruned":"c","adapters":[]}""", "\"a\", \"b\" or \"both\"")]
    [InlineData("""{"adapters":[]}""", "'space' is missing")]
    [InlineData("""{"space":"delta"}""", "'adapters' is missing")]
    [InlineData("""{"space":"Delta","adapters":[]}""", "\"factors\" or \"delta\"")]
    [InlineData("""{"space":"delta","adapters":{}}""", "'adapters' is {}, not a list")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a"}]}""", "'adapters[0].weight' is missing")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":"1"}]}""", "'adapters[0].weight'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1e999}]}""", "'adapters[0].weight'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"","weight":1}]}""", "'adapters[0].name'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1,"keep_fraction":1.5}]}""", "keep_fraction of adapter 'a'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1},{"name":"a","weight":2}]}""", "'a' twice")]
    [InlineData("""{"space":"delta","space":"factors","adapters":[]}""", "Duplicate property 'space'")]
    [InlineData("""{"space":"delta","adapters":[}""", "not valid JSON")]
    [InlineData("[]", "the document is [], not a JSON object")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":{"q_proj":"x"}}]}""",
        "'adapters[0].weight.q_proj' is \"x\", not a finite number")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":[1]}]}""",
        "'adapters[0].weight' is [1], not a finite number")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":{"q_proj":1,"q_proj":1}}]}""", "Duplicate property 'q_proj'")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":{"":1}}]}""", "names group ''")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":1,"keep_fraction":{"q_proj":2}}]}""",
        "keep_fraction of adapter 'a' is 2")]
    [InlineData("""{"space":"delta","adapters":[{"name":"a","weight":{"q_proj":1e300}}]}""", "weight of adapter 'a' is 1E+300")]
    [InlineData("""{"space":"delta","adapters":[{"name":"\ud800","weight":1}]}""", "not valid Unicode")]
    [InlineData("""{"method":"ties","space":"delta","adapters":[]}""", "'space' belongs to weighted adapters")]
    [InlineData("""{"method":"ties"}""", "list the adapters that method ties merges")]
    [InlineData("""{"method":"ties","adapters":[]}""", "lists no adapter")]
    [InlineData("""{"method":"ties","adapters":{}}""", "'adapters' is {}, not a list")]
    [InlineData("""{"method":"ties","adapters":["a"]}""", "'adapters[0]' is \"a\", not a JSON object")]
    [InlineData("""{"method":"ties","adapters":[{"weight":1}]}""", "'adapters[0].name' is missing")]
    [InlineData("""{"method":"ties","adapters":[{"name":"a","weight":"1"}]}""", "'adapters[0].weight' is \"1\", not a finite number")]
    [InlineData("""{"method":"ties","adapters":[{"name":"a"},{"name":"a"}]}""", "'a' twice")]
    [InlineData("""{"method":"ties","density":0.5,"adapters":[{"name":"a"}]}""", "unknown key 'density'")]
    [InlineData("""{"method":"ties","parameters":{"density":true},"adapters":[{"name":"a"}]}""", "'parameters.density'")]
    [InlineData("""{"method":"ties","parameters":[],"adapters":[{"name":"a"}]}""", "'parameters' is [], not a JSON object")]
    [InlineData("""{"method":7,"adapters":[{"name":"a"}]}""", "'method' is 7, not a string")]
    [InlineData("""{"method":"ties","adapters":[{"name":"a"}],"seed":-1}""", "'seed' is -1, not an integer")]
    [InlineData("""{"method":"ties","adapters":[{"name":"a"}],"seed":1.5}""", "'seed' is 1.5, not an integer")]
    public void Parse_Defect_NamesFileAndKey(string json, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => RecipeJson.Parse(Encoding.UTF8.GetBytes(json), "recipe.json"));
        Assert.StartsWith("recipe.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_Groups_ReadsDefaults()
    {
        var recipe = Parse(
            """
            {"space": "delta", "adapters": [
              {"name": "a", "weight": {"q_proj": 2, "layers.3": -1}, "keep_fraction": {"layers.0": 0.5}},
              {"name": "b", "weight": {"default": 0.5}, "keep_fraction": {"default": 0.25, "model.layers.0.mlp.up_proj": 0}}]}
            """);
        Assert.Equal(
            [
                new AdapterShare("a", 0)
            {
                GroupWeights = [new("layers.3", -1), new("q_proj", 2)],
                GroupKeepFractions = [new("layers.0", 0.5)],
            },
                new AdapterShare("b", 0.5, 0.25) { GroupKeepFractions = [new("model.layers.0.mlp.up_proj", 0)] },
            ],
            recipe.Adapters);
    }

    [Fact]
    public void Serialize_Groups_ExactBytesWhateverTheOrder()
    {
        GroupValue[] groups = [new("q_proj", 0.1), new("layers.1", -2)];
        byte[] Bytes(GroupValues values) => RecipeJson.Serialize(new WeightedRecipe(
            MergeSpace.Factors, [new AdapterShare("a", 1, 0.5) { GroupWeights = values }]));
        Assert.Equal(Bytes([.. groups]), Bytes([.. groups.Reverse()]));
        Assert.Equal(
            """
            {
              "space": "factors",
              "adapters": [
                {
                  "name": "a",
                  "keep_fraction": 0.5,
                  "weight": {
                    "default": 1,
                    "layers.1": -2,
                    "q_proj": 0.1
                  }
                }
              ]
            }

            """.ReplaceLineEndings("\n"),
            Encoding.UTF8.GetString(Bytes([.. groups])));
        Assert.Equal(Bytes([.. groups]), RecipeJson.Serialize(Weighted(Bytes([.. groups]))));
    }

    [Fact]
    public void Serialize_RepeatedOrReservedGroup_Refused()
    {
        string Refusal(GroupValues values) => Assert.Throws<ArgumentException>(() => RecipeJson.Serialize(
            new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("a", 1) { GroupKeepFractions = values }]))).Message;
        Assert.Contains("'q_proj' twice", Refusal([new("q_proj", 1), new("q_proj", 0.5)]), StringComparison.Ordinal);
        Assert.Contains("'default'", Refusal([new("default", 1)]), StringComparison.Ordinal);
    }

    [Fact]
    public void SerializeParse_MethodRecipe_ExactBytesAndBack()
    {
        var recipe = new MethodRecipe(
            "ties", new Dictionary<string, double> { ["lambda"] = 1, ["density"] = 1.0 / 3 },
            [new("b", new Dictionary<string, double> { ["weight"] = -0.5 }), new("a")], ulong.MaxValue);
        var bytes = RecipeJson.Serialize(recipe);
        Assert.Equal(
            """
            {
              "method": "ties",
              "parameters": {
                "density": 0.3333333333333333,
                "lambda": 1
              },
              "adapters": [
                {
                  "name": "b",
                  "weight": -0.5
                },
                {
                  "name": "a"
                }
              ],
              "seed": 18446744073709551615
            }

            """.ReplaceLineEndings("\n"),
            Encoding.UTF8.GetString(bytes));
        var read = Assert.IsType<MethodRecipe>(RecipeJson.Parse(bytes, "r"));
        Assert.Equal((recipe.Method, recipe.Seed), (read.Method, read.Seed));
        Assert.Equal(recipe.Parameters.OrderBy(pair => pair.Key), read.Parameters.OrderBy(pair => pair.Key));
        Assert.Equal(["b", "a"], read.Adapters.Select(adapter => adapter.Name));
        Assert.Equal(recipe.Adapters[0].Parameters, read.Adapters[0].Parameters);
        Assert.Equal(bytes, RecipeJson.Serialize(read));
    }

    [Fact]
    public void Parse_MethodAlone_DefaultsForTheRest()
    {
        var recipe = Assert.IsType<MethodRecipe>(
            RecipeJson.Parse(Encoding.UTF8.GetBytes("""{"method": "slerp", "adapters": [{"name": "a"}]}"""), "r"));
        Assert.Empty(recipe.Parameters);
        Assert.Empty(recipe.Adapters[0].Parameters);
        Assert.Equal(0UL, recipe.Seed);
    }

    [Theory]
    [InlineData(50_000)]
    [InlineData(17)]
    public void Parse_NestedTooDeep_OneSentence(int depth)
    {
        var error = Assert.Throws<BadInputException>(
            () => RecipeJson.Parse(Encoding.UTF8.GetBytes(new string('[', depth)), "recipe.json"));
        Assert.Equal("recipe.json: not valid JSON (The maximum configured depth of 16 has been exceeded); correct it.", error.Message);
    }

    [Fact]
    public void Parse_SixteenDeep_JudgedByItsContent() => Assert.Contains(
        "not a JSON object",
        Assert.Throws<BadInputException>(
            () => RecipeJson.Parse(Encoding.UTF8.GetBytes(new string('[', 16) + new string(']', 16)), "r")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Read_OverSizeLimit_RefusedWithoutReading()
    {
        var path = Path.GetTempFileName();
        try
        {
            using (var file = File.OpenWrite(path)) file.SetLength((64L << 20) + 1);
            Assert.Equal(
                $"{path}: 67108865 bytes are over the 67108864 that a recipe may take; name another file.",
                Assert.Throws<BadInputException>(() => RecipeJson.Read(path)).Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Write_ExistingFile_ReplacedAndNothingElseLeft()
    {
        var folder = Directory.CreateTempSubdirectory("cuvee-recipe-").FullName;
        try
        {
            var path = Path.Combine(folder, "recipe.json");
            File.WriteAllText(path, "old");
            var recipe = new WeightedRecipe(MergeSpace.Factors, [new("a", 0.3, 0.7)]);
            RecipeJson.Write(path, recipe);
            Assert.Equal(recipe.Adapters, Assert.IsType<WeightedRecipe>(RecipeJson.Read(path)).Adapters);
            Assert.Equal([path], Directory.GetFileSystemEntries(folder));
            Assert.Throws<ArgumentException>(() => RecipeJson.Write(path, new WeightedRecipe(MergeSpace.Delta, [new("a", double.NaN)])));
            Assert.Equal(recipe.Adapters, Weighted(File.ReadAllBytes(path)).Adapters);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Read_MissingFile_OneSentence() =>
        Assert.Contains("no-such-recipe.json", Assert.Throws<BadInputException>(
            () => RecipeJson.Read("no-such-recipe.json")).Message, StringComparison.Ordinal);

    private static WeightedRecipe Parse(string json) => Weighted(Encoding.UTF8.GetBytes(json));

    private static WeightedRecipe Weighted(byte[] json) => Assert.IsType<WeightedRecipe>(RecipeJson.Parse(json, "recipe.json"));
}
