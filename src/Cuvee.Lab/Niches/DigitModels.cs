using System.Globalization;
using System.Text;
using System.Text.Json;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.LanguageModels;

namespace Cuvee.Lab.Niches;

/// <summary>
/// Two digit classifiers that know half of the digits each, as checkpoints of their common start: models that are no language models, to
/// be merged by an objective of the user's own.
/// </summary>
internal static class DigitModels
{
    private const int Validation = 200;
    private const int Test = 300;
    private const int TrainingSteps = 300;

    private static (string Name, int[] Shape)[] Tensors(int pixels) =>
    [
        ("hidden.weight", [DigitNet.Hidden, pixels]),
        ("hidden.bias", [DigitNet.Hidden]),
        ("output.weight", [DigitImages.Classes, DigitNet.Hidden]),
        ("output.bias", [DigitImages.Classes]),
    ];

    /// <summary>
    /// Writes <c>models/base</c>, <c>models/low</c> (0 to 4) and <c>models/high</c> (5 to 9), <c>images.json</c> (a list of
    /// <c>{"pixels": [64], "label"}</c>) and two record files whose prompts are positions in that list: validation images are training
    /// images of both halves, test images nobody was trained on.
    /// </summary>
    public static void Write(string folder, DigitImages images, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(images);
        var (train, test) = images.Split();
        void Model(string name, double[] weights)
        {
            var target = Directory.CreateDirectory(Path.Combine(folder, "models", name)).FullName;
            var first = 0;
            var tensors = new List<TensorSource>();
            foreach (var (tensor, shape) in Tensors(images.PixelCount))
            {
                var values = new float[shape.Aggregate(1, (count, dimension) => count * dimension)];
                for (var i = 0; i < values.Length; i++) values[i] = (float)weights[first + i];
                first += values.Length;
                tensors.Add(new TensorData(tensor, shape, values).ToSource());
            }

            ModelShards.Write(target, tensors, TensorType.F32, long.MaxValue);
        }

        Model("base", DigitTrainer.Train(train, 0, seed));
        Model("low", DigitTrainer.Train(train.Only(label => label < 5), TrainingSteps, seed));
        Model("high", DigitTrainer.Train(train.Only(label => label >= 5), TrainingSteps, seed));

        var shown = new[] { train.At([.. Enumerable.Range(0, Validation)]), test.At([.. Enumerable.Range(0, Test)]) };
        var entries = shown.SelectMany(part => Enumerable.Range(0, part.Count).Select(i => new
        {
            pixels = part.Pixels[(i * part.PixelCount)..((i + 1) * part.PixelCount)],
            label = part.Labels[i],
        })).ToList();
        AtomicFile.WriteAllBytes(Path.Combine(folder, "images.json"), Encoding.UTF8.GetBytes(JsonSerializer.Serialize(entries) + "\n"));
        PromptCompletion Record(int i) => new(
            $"image-{i}", i.ToString(CultureInfo.InvariantCulture), entries[i].label.ToString(CultureInfo.InvariantCulture));
        RecordFile.Write(Path.Combine(folder, "validation.jsonl"), [.. Enumerable.Range(0, Validation).Select(Record)]);
        RecordFile.Write(Path.Combine(folder, "test.jsonl"), [.. Enumerable.Range(Validation, Test).Select(Record)]);
    }
}
