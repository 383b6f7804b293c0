using System.Text.Json.Nodes;
using Cuvee.Merging.Methods;

namespace Cuvee.Merging.Tests;

/// <summary>Against fixtures/methods/expected.json: numpy in double, from the papers, its random numbers included.</summary>
public sealed class MergeMethodFixtureTests
{
    private static readonly JsonNode Fixture =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "fixtures", "methods", "expected.json")))!;

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Fixture["cases"]!.AsArray().Count)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Merge_FixtureCase_EqualsNumpy(int index)
    {
        var expected = Fixture["cases"]![index]!;
        var method = MergeMethods.Default.Find(expected["method"]!.GetValue<string>());
        var names = Fixture["adapters"]!.AsArray().Select(name => name!.GetValue<string>());
        var recipe = new MethodRecipe(
            method.Name,
            expected["parameters"]!.AsObject().ToDictionary(pair => pair.Key, pair => pair.Value!.GetValue<double>()),
            [.. names.Zip(Numbers(expected["weights"]!), (name, weight) => new AdapterParameters(
                name, new Dictionary<string, double> { ["weight"] = weight }))],
            expected["seed"]!.GetValue<ulong>());
        TaskVectors[] pool = [.. Fixture["modules"]!.AsArray().Select(module => VectorsOf(module!))];
        var vectors = pool.Single(module => module.ModuleName == expected["module"]!.GetValue<string>());
        var merged = new float[vectors.OutFeatures * vectors.InFeatures];
        Array.Fill(merged, 9);
        method.Prepare(pool, MergeArguments.For(method, recipe))(vectors, merged);
        Assert.InRange(ReferenceMerge.RelativeError(merged, Numbers(expected["merged"]!)), 0, 1e-6);
    }

    private static TaskVectors VectorsOf(JsonNode module) => new(
        module["name"]!.GetValue<string>(), module["out"]!.GetValue<int>(), module["in"]!.GetValue<int>(),
        [.. module["task_vectors"]!.AsArray().Select(vector =>
            (ReadOnlyMemory<float>)Array.ConvertAll(Numbers(vector!), entry => (float)entry))]);

    private static double[] Numbers(JsonNode array) => [.. array.AsArray().Select(number => number!.GetValue<double>())];
}
