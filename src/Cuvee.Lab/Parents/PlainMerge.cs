using System.Globalization;
using Cuvee.Inference;
using Cuvee.Training;

namespace Cuvee.Lab.Parents;

/// <summary>Task arithmetic (arXiv 2212.04089) of both parents with weights that nobody searched: the mark for a search to beat.</summary>
internal sealed record PlainMerge(double Math, double Esperanto)
{
    public static IReadOnlyList<PlainMerge> All { get; } = [new(0.5, 0.5), new(0.7, 0.7), new(1, 0.5), new(1, 0.7), new(1, 1)];

    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Math} math + {Esperanto} esperanto");

    /// <summary>base + w1 (math - base) + w2 (esperanto - base), tensor by tensor.</summary>
    /// <param name="folderOf">Folder of a model by its name.</param>
    public EmbeddedModel Form(Func<string, string> folderOf)
    {
        using var start = EmbeddedModel.Load(folderOf(ParentPlan.Base));
        using var math = EmbeddedModel.Load(folderOf(ParentPlan.Math));
        using var esperanto = EmbeddedModel.Load(folderOf(ParentPlan.Esperanto));
        var merged = DenseWeights.CopyOf(start.Weights);
        foreach (var (model, weight) in new[] { (math, Math), (esperanto, Esperanto) })
        {
            foreach (var ((target, own), origin) in merged.ToTensors().Zip(model.Weights.ToTensors()).Zip(start.Weights.ToTensors()))
            {
                for (var i = 0; i < target.Values.Length; i++) target.Values[i] += (float)weight * (own.Values[i] - origin.Values[i]);
            }
        }

        return new EmbeddedModel(merged.ToLlamaWeights(), start.Tokenizer);
    }
}
