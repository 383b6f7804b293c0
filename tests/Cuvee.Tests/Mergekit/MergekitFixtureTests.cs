using System.Text.Json.Nodes;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Tests.Mergekit;

/// <summary>Against fixtures/mergekit/expected.json: numpy in double, from the published definitions.</summary>
public sealed class MergekitFixtureTests
{
    public static TheoryData<string> Cases =>
        [.. MergekitModels.Fixture["cases"]!.AsArray().Select(each => each!["name"]!.GetValue<string>())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Write_FixtureCase_EqualsNumpy(string name)
    {
        using var models = new MergekitModels();
        var expected = MergekitModels.Fixture["cases"]!.AsArray().Single(each => each!["name"]!.GetValue<string>() == name)!;
        var (folder, plan) = models.Merge(expected["yaml"]!.GetValue<string>(), MergekitModels.Fixture["seed"]!.GetValue<ulong>());
        var merged = MergekitModels.Read(folder);
        Assert.Equal(expected["merged"]!.AsObject().Select(tensor => tensor.Key).Order(), merged.Keys.Order());
        foreach (var (tensor, values) in expected["merged"]!.AsObject())
        {
            foreach (var (wanted, found) in MergekitModels.Numbers(values!).Zip(merged[tensor], (wanted, found) => (wanted, found)))
                Assert.True(Math.Abs(wanted - found) <= 1e-6, $"{tensor}: {found} instead of {wanted}");
        }

        var layers = expected["layers"]!.GetValue<int>();
        Assert.Equal((layers, TensorType.F32), (plan.Layers, plan.Type));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        Assert.Equal((layers, "float32"), (config["num_hidden_layers"]!.GetValue<int>(), config["torch_dtype"]!.GetValue<string>()));
        Assert.Equal(expected["yaml"]!.GetValue<string>(), File.ReadAllText(Path.Combine(folder, "mergekit_config.yml")));
    }
}
