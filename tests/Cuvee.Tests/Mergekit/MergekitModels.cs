using System.Text.Json.Nodes;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Mergekit;
using Cuvee.Numerics;

namespace Cuvee.Tests.Mergekit;

/// <summary>The tiny models of fixtures/mergekit/expected.json as folders, and merges of them.</summary>
internal sealed class MergekitModels : IDisposable
{
    public MergekitModels()
    {
        foreach (var (name, tensors) in Fixture["models"]!.AsObject()) Write(name, TensorType.F32, tensors!.AsObject());
    }

    public static JsonNode Fixture { get; } = JsonNode.Parse(
        System.IO.File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "fixtures", "mergekit", "expected.json")))!;

    public string Folder { get; } = Directory.CreateTempSubdirectory("cuvee-mergekit-").FullName;

    public static double[] Numbers(JsonNode list) => [.. list.AsArray().Select(number => number!.GetValue<double>())];

    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>Plans and writes to a folder of its own.</summary>
    public (string Folder, MergekitPlan Plan) Merge(string yaml, ulong seed = 0)
    {
        var target = Directory.CreateDirectory(File($"merged-{Directory.GetDirectories(Folder).Length}")).FullName;
        using var plan = MergekitPlan.Open(MergekitFile.Parse(yaml, File("merge.yml")), seed);
        using var team = new ThreadTeam(2);
        plan.Write(target, team);
        return (target, plan);
    }

    public static Dictionary<string, double[]> Read(string folder)
    {
        using var checkpoint = CheckpointReader.Open(folder);
        return checkpoint.TensorNames.ToDictionary(name => name, name =>
        {
            var values = new float[checkpoint.Find(name)!.Count];
            checkpoint.Read(name, 0, values);
            return Array.ConvertAll(values, value => (double)value);
        });
    }

    public void Write(string name, TensorType type, JsonObject tensors, string vocabulary = """{"a": 0, "b": 1}""")
    {
        Directory.CreateDirectory(File(name));
        SafetensorsWriter.Write(
            Path.Combine(File(name), "model.safetensors"),
            [.. tensors.Select(tensor => new TensorData(
                tensor.Key, [.. tensor.Value!["shape"]!.AsArray().Select(dimension => dimension!.GetValue<int>())],
                Array.ConvertAll(Numbers(tensor.Value["values"]!), value => (float)value)))],
            type);
        System.IO.File.WriteAllText(
            Path.Combine(File(name), "config.json"),
            """{"model_type": "llama", "rms_norm_eps": 1e-05, "num_hidden_layers": 3, "torch_dtype": "float64", "layer_types": """ +
                $"[\"{name}0\", \"{name}1\", \"{name}2\"]}}");
        System.IO.File.WriteAllText(
            Path.Combine(File(name), "tokenizer.json"),
            $$$"""{"owner": "{{{name}}}", "added_tokens": [{"id": 2, "content": "<s>"}], "model": {"vocab": {{{vocabulary}}} } }""");
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
