using System.Globalization;
using Cuvee.Formats.Safetensors;

namespace Cuvee.Training;

/// <summary>Parameters, both moments and the step in one fp32 safetensors file: enough to go on bit for bit.</summary>
internal static class TrainingCheckpoint
{
    public static void Write(string path, int step, string fingerprint, IReadOnlyList<ParameterTensor> parameters, AdamW optimizer)
    {
        var tensors = parameters.SelectMany((p, i) => new[]
        {
            new TensorData("value." + p.Name, p.Shape, p.Values),
            new TensorData("first." + p.Name, p.Shape, optimizer.FirstMoments[i]),
            new TensorData("second." + p.Name, p.Shape, optimizer.SecondMoments[i]),
        });
        var metadata = new Dictionary<string, string>
        {
            ["step"] = step.ToString(CultureInfo.InvariantCulture),
            ["fingerprint"] = fingerprint,
        };
        SafetensorsWriter.Write(path, tensors, TensorType.F32, metadata);
    }

    /// <summary>Steps done, or 0 (nothing restored) when there is no checkpoint of this very training.</summary>
    public static int TryRestore(string path, string fingerprint, IReadOnlyList<ParameterTensor> parameters, AdamW optimizer)
    {
        if (!File.Exists(path)) return 0;
        using var reader = SafetensorsReader.Open(path);
        if (reader.Metadata.GetValueOrDefault("fingerprint") != fingerprint) return 0;
        for (var i = 0; i < parameters.Count; i++)
        {
            reader.ReadSingles("value." + parameters[i].Name).CopyTo(parameters[i].Values, 0);
            reader.ReadSingles("first." + parameters[i].Name).CopyTo(optimizer.FirstMoments[i], 0);
            reader.ReadSingles("second." + parameters[i].Name).CopyTo(optimizer.SecondMoments[i], 0);
        }

        return int.Parse(reader.Metadata["step"], CultureInfo.InvariantCulture);
    }
}
