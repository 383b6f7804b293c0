using System.Text.Json.Nodes;
using Cuvee.Formats;
using Cuvee.Formats.Safetensors;
using Cuvee.Mergekit;
using Cuvee.Numerics;

namespace Cuvee.Tests.Mergekit;

public sealed class MergekitPlanTests : IDisposable
{
    private const string Pair = "merge_method: linear\nmodels:\n- {model: a, parameters: {weight: 1}}\n" +
        "- {model: b, parameters: {weight: 1}}\n";
    private const string Stack = "merge_method: passthrough\nslices:\n- sources: [{model: a, layer_range: [1, 3]}]\n" +
        "- sources: [{model: b, layer_range: [0, 2]}]\n";

    private readonly MergekitModels models = new();

    public void Dispose() => models.Dispose();

    [Theory]
    [InlineData("merge_method: linear", true)]
    [InlineData("slices: []", true)]
    [InlineData("model: zoo/base", false)]
    public void Describes_Keys_TellFilesApart(string text, bool expected) => Assert.Equal(expected, MergekitFile.Describes(text, "f"));

    [Theory]
    [InlineData("dtype: bfloat16\n", TensorType.BF16, "bfloat16")]
    [InlineData("dtype: float32\nout_dtype: torch.float16\n", TensorType.F16, "float16")]
    [InlineData("", TensorType.F32, "float32")]
    public void Write_Types_OutBeforeOwnBeforeTheModels(string keys, TensorType type, string name)
    {
        var (folder, plan) = models.Merge(Pair + keys);
        Assert.Equal(type, plan.Type);
        using var written = SafetensorsReader.Open(Path.Combine(folder, "model.safetensors"));
        Assert.All(written.Entries.Values, entry => Assert.Equal(type, entry.Type));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        Assert.Equal((name, "1e-05"), (config["torch_dtype"]!.GetValue<string>(), config["rms_norm_eps"]!.ToJsonString()));
    }

    [Fact]
    public void Open_NoTypeGiven_IsTheBaseModels()
    {
        models.Write("half", TensorType.BF16, MergekitModels.Fixture["models"]!["base"]!.AsObject());
        using var plan = MergekitPlan.Open(MergekitFile.Parse(
            "merge_method: task_arithmetic\nbase_model: half\nmodels: [{model: a, parameters: {weight: 1}}]", models.File("m.yml")));
        Assert.Equal(TensorType.BF16, plan.Type);
    }

    [Fact]
    public void Write_StackedLayers_KindsAndTokenizerComeAlong()
    {
        var (folder, _) = models.Merge(Stack + "base_model: c\ntokenizer_source: b\n");
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        Assert.Equal(["a1", "a2", "b0", "b1"], config["layer_types"]!.AsArray().Select(kind => kind!.GetValue<string>()));
        Assert.Contains("\"owner\": \"b\"", File.ReadAllText(Path.Combine(folder, "tokenizer.json")), StringComparison.Ordinal);
        var (plain, _) = models.Merge(Stack + "base_model: c\n");
        Assert.Contains("\"owner\": \"c\"", File.ReadAllText(Path.Combine(plain, "tokenizer.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Seeds_SameSeedSameBytes()
    {
        const string dare = "merge_method: dare_ties\nbase_model: base\nmodels: [{model: a}, {model: b}]\n" +
            "parameters: {weight: 1, density: 0.5}";
        byte[] Bytes(ulong seed) => File.ReadAllBytes(Path.Combine(models.Merge(dare, seed).Folder, "model.safetensors"));
        Assert.Equal(Bytes(3), Bytes(3));
        Assert.NotEqual(Bytes(3), Bytes(4));
    }

    [Fact]
    public void Write_LinearOfAnyWeights_DividesByTheirSum()
    {
        Dictionary<string, double[]> Weighted(string a, string b) => MergekitModels.Read(models.Merge(
            $"merge_method: linear\nmodels:\n- {{model: a, parameters: {{weight: {a}}}}}\n" +
            $"- {{model: b, parameters: {{weight: {b}}}}}\n").Folder);
        var expected = Weighted("0.6", "0.4");
        Assert.All(Weighted("60", "40"), tensor => Assert.Equal(expected[tensor.Key], tensor.Value, (x, y) => Math.Abs(x - y) < 1e-6));
    }

    [Fact]
    public void Write_Card_NamesMethodSeedAndConfiguration()
    {
        var card = File.ReadAllText(Path.Combine(models.Merge(Stack, 5).Folder, "README.md"));
        Assert.Contains("method passthrough", card, StringComparison.Ordinal);
        Assert.Contains("seed 5", card, StringComparison.Ordinal);
        Assert.Contains("```yaml\n" + Stack + "```\n", card, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Stopped_EndsAtOnce()
    {
        using var plan = MergekitPlan.Open(MergekitFile.Parse(Pair, models.File("merge.yml")));
        using var team = new ThreadTeam(2);
        using var stop = new CancellationTokenSource();
        var begun = new List<string>();
        Assert.ThrowsAny<OperationCanceledException>(() => plan.Write(
            Directory.CreateDirectory(models.File("stopped")).FullName, team,
            name =>
            {
                begun.Add(name);
                if (begun.Count == 2) stop.Cancel();
            },
            stop.Token));
        Assert.Equal(2, begun.Count);
        Assert.Empty(Directory.GetFiles(models.File("stopped")));
    }

    [Fact]
    public void Open_VocabulariesDiffer_RefusedOnlyWhereTokensShouldBeMatched()
    {
        models.Write("d", TensorType.F32, MergekitModels.Fixture["models"]!["b"]!.AsObject(), """{"a": 1, "b": 0}""");
        var yaml = Pair.Replace("model: b", "model: d", StringComparison.Ordinal);
        models.Merge(yaml);
        Assert.Contains("vocabularies of", Refusal(yaml + "tokenizer_source: union"), StringComparison.Ordinal);
        models.Merge(Pair + "tokenizer_source: union");
    }

    [Theory]
    [InlineData("merge_method: model_stock\nmodels: [{model: a}]", "'merge_method' is 'model_stock'; choose breadcrumbs")]
    [InlineData(Pair + "modules: {}", "'modules' is a part of mergekit that Cuvee does not merge")]
    [InlineData(Pair + "chat_template: auto", "'chat_template' is a part of mergekit")]
    [InlineData(Pair + "tokenizer: {source: union}", "'tokenizer' is a part of mergekit")]
    [InlineData(Pair + "tokenizer_source: base", "there is no 'base_model'")]
    [InlineData(Pair + "tokenizer_source: c", "none of the models")]
    [InlineData(Pair + "dtype: float8", "'dtype' is 'float8'; Cuvee writes float32")]
    [InlineData(Pair + "densty: 1", "unknown key 'densty'")]
    [InlineData(Pair + "parameters: {t: 1}", "unknown key 't' in 'parameters'")]
    [InlineData(Pair + "slices: []", "exactly one of 'models' and 'slices'")]
    [InlineData("merge_method: linear\nmodels: [{model: a}]", "there is no 'weight' for tensor")]
    [InlineData("merge_method: linear\nmodels: [{model: a, parameters: {weight: [a]}}]", "must be a number")]
    [InlineData(
        "merge_method: linear\nmodels: [{model: a, parameters: {weight: 2}}, {model: b, parameters: {weight: -2}}]",
        "sum to 0, by which linear divides")]
    [InlineData("merge_method: linear\nmodels: [{model: a, parameters: {normalize: 1}}]", "is read for the merge as a whole")]
    [InlineData("merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}, {model: a}]", "stands twice")]
    [InlineData("merge_method: linear\nmodels: [{model: org/name, parameters: {weight: 1}}]", "there is no such folder; fetch the model")]
    [InlineData("merge_method: linear\nmodels: [{model: a+lora, parameters: {weight: 1}}]", "cuvee apply --format folded")]
    [InlineData("merge_method: ties\nmodels: [{model: a, parameters: {weight: 1}}]", "ties needs a 'base_model'")]
    [InlineData("merge_method: ties\nbase_model: b\nmodels: [{model: a, parameters: {weight: 1, density: 2}}]", "must lie in [0, 1]")]
    [InlineData("merge_method: slerp\nmodels: [{model: a}, {model: b}]\nparameters: {t: 1}", "slerp merges two models")]
    [InlineData("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]", "there is no 't' for tensor")]
    [InlineData("merge_method: passthrough\nmodels: [{model: a}, {model: b}]", "passthrough takes one model at a time, not 2")]
    [InlineData(Stack + "- sources: [{model: a, layer_range: [2, 4]}]", "goes beyond its 3 numbered layers")]
    [InlineData(Stack + "- sources: [{model: a, layer_range: [2, 1]}]", "'layer_range' must be the first layer")]
    [InlineData(Stack + "- {sources: [{model: a, layer_range: [0, 1]}], residual_weight: 1}", "'residual_weight' is a part of mergekit")]
    [InlineData(
        "merge_method: ties\nbase_model: base\nslices: [{sources: [{model: a, layer_range: [0, 2], parameters: {weight: 1}}]}]",
        "is not among the sources of a slice")]
    [InlineData(
        "merge_method: linear\nslices: [{sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [0, 1]}]}]",
        "gives 1 layers where 'a' gives 2")]
    public void Open_WhatIsNotMerged_OneSentence(string yaml, string sentence)
    {
        var message = Refusal(yaml);
        Assert.Contains(sentence, message, StringComparison.Ordinal);
        Assert.Contains("merge.yml", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OtherArchitecture_NamesModelsAndTensor()
    {
        var tensors = JsonNode.Parse(MergekitModels.Fixture["models"]!["b"]!.ToJsonString())!.AsObject();
        tensors.Remove("model.layers.1.mlp.up_proj.weight");
        models.Write("b", TensorType.F32, tensors);
        var message = Refusal(Pair);
        Assert.Contains("'a' and 'b' do not have the same tensors in layer 1", message, StringComparison.Ordinal);
        Assert.Contains("'mlp.up_proj.weight'", message, StringComparison.Ordinal);
    }

    /// <summary>A tied head is the embedding: merged by itself, random drops would make it another tensor.</summary>
    [Theory]
    [InlineData("merge_method: dare_linear\nbase_model: base\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 1, density: 0.5}")]
    [InlineData("merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [0, 2]}]}]")]
    public void Write_TiedModelsThatStoreTheirHead_LeaveItOut(string yaml)
    {
        foreach (var name in (string[])["base", "a", "b"]) StoreHead(name, tied: true);
        var (folder, plan) = models.Merge(yaml);
        Assert.DoesNotContain("lm_head.weight", plan.Tensors.Select(tensor => tensor.Name));
        Assert.DoesNotContain("lm_head.weight", MergekitModels.Read(folder).Keys);
        Assert.Contains("model.embed_tokens.weight", MergekitModels.Read(folder).Keys);
    }

    [Fact]
    public void Open_TiedBaseAndModelWithAHeadOfItsOwn_NamesTheModel()
    {
        foreach (var name in (string[])["a", "b"]) StoreHead(name, tied: name == "a");
        var message = Assert.Throws<BadInputException>(
            () => MergekitPlan.Open(MergekitFile.Parse(Pair, models.File("merge.yml"))).Dispose()).Message;
        Assert.StartsWith(models.File("b"), message, StringComparison.Ordinal);
        Assert.Contains("'lm_head.weight'", message, StringComparison.Ordinal);
        // Of its layers alone, nothing is lost.
        var (folder, _) = models.Merge(
            "merge_method: passthrough\nslices:\n- sources: [{model: a, layer_range: [0, 1]}]\n" +
            "- sources: [{model: b, layer_range: [0, 3]}]\n- sources: [{model: a, layer_range: [2, 3]}]\n");
        Assert.DoesNotContain("lm_head.weight", MergekitModels.Read(folder).Keys);
    }

    /// <summary>Models that are no list of layers, such as an image classifier, merge as long as nothing goes over layers.</summary>
    [Fact]
    public void Open_NoNumberedLayers_GradientsAreRefused()
    {
        foreach (var name in (string[])["one", "two"])
        {
            models.Write(name, TensorType.F32, new JsonObject
            {
                ["encoder.0.weight"] = JsonNode.Parse("""{"shape": [2], "values": [1, 2]}"""),
                ["decoder.0.weight"] = JsonNode.Parse("""{"shape": [2], "values": [3, 4]}"""),
            });
        }

        const string yaml = "merge_method: linear\nmodels: [{model: one}, {model: two}]\nparameters: {weight: ";
        Assert.Equal([1.0, 2], MergekitModels.Read(models.Merge(yaml + "0.5}").Folder)["encoder.0.weight"]);
        Assert.Contains("a gradient goes over layers", Refusal(yaml + "[0, 1]}"), StringComparison.Ordinal);
    }

    private void StoreHead(string name, bool tied)
    {
        var tensors = JsonNode.Parse(MergekitModels.Fixture["models"]![name]!.ToJsonString())!.AsObject();
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]!.DeepClone();
        models.Write(name, TensorType.F32, tensors);
        if (!tied) return;
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(models.File(name), "config.json")))!;
        config["tie_word_embeddings"] = true;
        File.WriteAllText(Path.Combine(models.File(name), "config.json"), config.ToJsonString());
    }

    private string Refusal(string yaml) => Assert.Throws<BadInputException>(
        () => MergekitPlan.Open(MergekitFile.Parse(yaml, models.File("merge.yml"))).Dispose()).Message;
}
