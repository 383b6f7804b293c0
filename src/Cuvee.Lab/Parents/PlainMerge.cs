using System.Globalization;
using Cuvee.Inference;
using Cuvee.Numerics;

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
        IReadOnlyDictionary<string, StoredMatrix> Tensors(string model) => ModelFolder.Open(folderOf(model)).ReadTensors();
        var start = ModelFolder.Open(folderOf(ParentPlan.Base));
        var origin = start.ReadTensors();
        float[] weights = [(float)Math, (float)Esperanto];
        using var team = new ThreadTeam();
        var merged = new FormedWeights(start.Config, team).Sum(
            origin, [Tensors(ParentPlan.Math), Tensors(ParentPlan.Esperanto)], origin.Keys.ToDictionary(name => name, _ => weights));
        return new EmbeddedModel(merged, start.Tokenizer);
    }
}
