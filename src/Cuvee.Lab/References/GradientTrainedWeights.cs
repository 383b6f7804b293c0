using Cuvee.Inference;
using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Training;

namespace Cuvee.Lab.References;

/// <summary>
/// The white-box upper reference (AdaMerging-style, arXiv 2310.02575, but on labelled records): one weight per adapter in delta space,
/// trained by Adam on the gradient of the validation loss that a search may only query.
/// </summary>
internal sealed class GradientTrainedWeights
{
    private readonly LlamaWeights baseWeights;
    private readonly AdapterPool pool;
    private readonly RecipeMerger merger;
    private readonly ThreadTeam team;
    private readonly TrainingExample[] examples;
    private readonly LossGradient gradient;
    private readonly DenseWeights merged;

    /// <param name="team">Shares the work; not disposed here.</param>
    public GradientTrainedWeights(EmbeddedModel model, AdapterPool pool, IReadOnlyList<PromptCompletion> validation, ThreadTeam team)
    {
        this.team = team;
        baseWeights = model.Weights;
        this.pool = pool;
        merger = new RecipeMerger(pool);
        var config = baseWeights.Config;
        examples = new ExampleEncoder(model.Tokenizer, config.EosTokenIds[0], config.MaxPositionEmbeddings).EncodeAll(validation);
        merged = DenseWeights.CopyOf(baseWeights);
        gradient = new LossGradient(merged, team);
    }

    /// <param name="learningRate">Adam's, per weight.</param>
    /// <param name="report">Step and loss (nats per token) before the step.</param>
    /// <returns>The weights of the lowest loss seen.</returns>
    public WeightedRecipe Train(int steps, double learningRate, Action<int, double> report, CancellationToken cancellationToken)
    {
        var n = pool.Adapters.Count;
        var weights = Enumerable.Repeat(1.0 / n, n).ToArray();
        var (first, second) = (new double[n], new double[n]);
        var (best, bestLoss) = (weights.ToArray(), double.PositiveInfinity);
        for (var step = 0; step <= steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (loss, along) = LossAndGradient(weights);
            report(step, loss);
            if (loss < bestLoss) (best, bestLoss) = (weights.ToArray(), loss);
            for (var i = 0; i < n; i++)
            {
                var g = along[i];
                first[i] = (0.9 * first[i]) + (0.1 * g);
                second[i] = (0.999 * second[i]) + (0.001 * g * g);
                var corrected = first[i] / (1 - Math.Pow(0.9, step + 1));
                weights[i] -= learningRate * corrected / (Math.Sqrt(second[i] / (1 - Math.Pow(0.999, step + 1))) + 1e-8);
            }
        }

        return Recipe(best);
    }

    /// <param name="weights">One per adapter, in the pool's order.</param>
    /// <returns>The validation loss in nats per token and its derivative in each weight.</returns>
    internal (double Loss, double[] Gradient) LossAndGradient(IReadOnlyList<double> weights)
    {
        Merge(Recipe(weights));
        var (loss, dense) = gradient.Compute(merged, examples);
        return (loss, [.. Enumerable.Range(0, weights.Count).Select(i => AlongAdapter(dense, i))]);
    }

    private WeightedRecipe Recipe(IReadOnlyList<double> weights) =>
        new(MergeSpace.Delta, [.. pool.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, weights[i]))]);

    private void Merge(WeightedRecipe recipe)
    {
        var linears = baseWeights.Config.LinearModules;
        team.Run(merged.Layers.Count * linears.Count, item =>
        {
            var (layer, i) = Math.DivRem(item, linears.Count);
            baseWeights.Layers[layer].Linears[i].ReadRows(0, linears[i].OutFeatures, merged.Layers[layer].Linears[i]);
            merger.AddTo(recipe, $"model.layers.{layer}.{linears[i].Path}", merged.Layers[layer].Linears[i]);
        });
    }

    /// <summary>d loss / d weight_i = sum over modules of Scaling * sum(LoraB * (dW * LoraA^T)).</summary>
    private double AlongAdapter(DenseWeights dense, int adapter)
    {
        var paths = baseWeights.Config.LinearModules.Select(l => l.Path).ToList();
        var total = 0.0;
        foreach (var module in pool.Adapters[adapter].Modules)
        {
            var parts = module.Name.Split('.', 4); // model . layers . N . path
            var dw = dense.Layers[int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture)].Linears[paths.IndexOf(parts[3])];
            var projected = new float[module.OutFeatures * module.Rank]; // dW * LoraA^T [out, rank]
            Gemm.Multiply(
                module.OutFeatures, module.Rank, module.InFeatures, dw, module.InFeatures, false, module.LoraA.ToSingles(),
                module.InFeatures, true, projected, module.Rank, false);
            var loraB = module.LoraB.ToSingles();
            var sum = 0.0;
            for (var i = 0; i < projected.Length; i++) sum += (double)projected[i] * loraB[i];
            total += sum * module.Scaling;
        }

        return total;
    }
}
