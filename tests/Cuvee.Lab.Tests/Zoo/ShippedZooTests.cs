using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cuvee.Data;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Zoo;
using Cuvee.Merging;
using Cuvee.Searches;

namespace Cuvee.Lab.Tests.Zoo;

/// <summary>The zoo in the repository is the one that its provenance and the published numbers speak of.</summary>
public sealed class ShippedZooTests
{
    private static readonly string Root = FindRoot();

    [Fact]
    public void Files_OfEveryArtefact_HaveTheHashesOfTheirProvenance()
    {
        var stated = Directory.GetFiles(Path.Combine(Root, "zoo", "provenance"), "*.json")
            .Select(path => JsonNode.Parse(File.ReadAllText(path))!)
            .ToDictionary(node => node["name"]!.GetValue<string>(), node => node["sha256"]!.GetValue<string>());
        var files = Directory.GetDirectories(Path.Combine(Root, "zoo", "adapters"))
            .ToDictionary(folder => Path.GetFileName(folder), folder => Path.Combine(folder, "adapter_model.safetensors"));
        files.Add("base", Path.Combine(Root, "zoo", "base", "model.safetensors"));
        files.Add("tokenizer", Path.Combine(Root, "zoo", "base", "tokenizer.json"));
        Assert.Equal(files.Keys.Order(), stated.Keys.Order());
        foreach (var (name, path) in files)
            Assert.Equal((name, stated[name]), (name, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))));
    }

    /// <summary>Nats per token on the sample's 100 validation records; the tolerance covers every instruction set.</summary>
    [Theory]
    [InlineData("", 2.1786)]
    [InlineData("et-mit-restaurant", 1.1330)]
    [InlineData("uniform", 1.6612)]
    public async Task Loss_OfTheSample_IsTheGoldenOne(string adapter, double golden)
    {
        using var model = EmbeddedModel.Load(Path.Combine(Root, "zoo", "base"));
        var pool = AdapterPool.Load(Path.Combine(Root, "zoo", "adapters"), ["ner-mit-restaurant"]);
        await using var host = new EmbeddedAdapterHost(model, new RecipeMerger(pool));
        var recipe = adapter switch
        {
            "" => MergeRecipes.BaseModel(MergeSpace.Delta),
            "uniform" => MergeRecipes.Uniform(MergeSpace.Delta, [.. pool.Adapters.Select(each => each.Name)]),
            _ => MergeRecipes.Single(MergeSpace.Delta, adapter),
        };
        await using var lease = await host.RealizeAsync(recipe, CancellationToken.None);
        var scores = await lease.Model.ScoreAsync(
            RecordFile.Read(Path.Combine(Root, "samples", "restaurant", "validation.jsonl")), CancellationToken.None);
        var loss = -scores.Sum(score => score.LogProbability) / scores.Sum(score => score.Tokens);
        Assert.Equal(golden, loss, 1e-3 * golden);
    }

    [Fact]
    public void SecondZoo_Plan_IsLikeTheShippedOneOnAnotherBase()
    {
        var zoo = Path.Combine(Root, "zoo");
        var (shipped, second) = (ZooPlan.Read(Path.Combine(zoo, "zoo.yaml")), ZooPlan.Read(Path.Combine(zoo, "second.yaml")));

        Assert.Empty(second.Specialists.Select(each => each.Name).Except(shipped.Specialists.Select(each => each.Name)));
        Assert.Equal(24, second.Specialists.Count);
        Assert.NotEqual((shipped.Seed, shipped.Base.NumHiddenLayers), (second.Seed, second.Base.NumHiddenLayers));
        Assert.Equal(shipped.Base.LabelWords.Keys, second.Base.LabelWords.Keys);
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Cuvee.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
