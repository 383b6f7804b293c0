using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference.Forward;
using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>
/// A way of the hidden states through the layers of one or several models (data-flow space, arXiv 2403.13187, section 3.2), as weights that
/// the engine runs: the models' own layers, none copied. Embeddings, final norm and head are the first model's.
/// </summary>
public static class LayerPath
{
    /// <param name="source">What errors call the path, its file.</param>
    /// <param name="models">Of one shape; vocabulary and number of layers may differ.</param>
    /// <param name="steps">At least one; layers may be left out, come several times and in any order.</param>
    /// <exception cref="BadInputException">A step names no layer of the models, or two models differ in shape.</exception>
    public static LlamaWeights Join(string source, IReadOnlyList<LlamaWeights> models, IReadOnlyList<PathStep> steps)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(steps);
        if (models.Count == 0 || steps.Count == 0)
            throw new BadInputException($"{source}: a path needs at least one model and one layer; add them.");
        for (var i = 1; i < models.Count; i++)
        {
            if (ShapeOf(models[i].Config, models[0].Config) != models[0].Config)
            {
                throw new BadInputException(
                    $"{source}: models[{i}] has another architecture, width, heads, norm or rotary embedding than models[0]; use " +
                    "models of one shape.");
            }
        }

        var layers = new List<LlamaLayerWeights>(steps.Count);
        foreach (var (model, layer, scale) in steps)
        {
            var at = $"{source}: path[{layers.Count}]";
            if (model < 0 || model >= models.Count)
                throw new BadInputException($"{at} takes model {model}, but there are {models.Count}, counted from 0; correct it.");
            if (layer < 0 || layer >= models[model].Layers.Count)
            {
                throw new BadInputException(
                    $"{at} takes layer {layer} of model {model}, which has {models[model].Layers.Count}, counted from 0; correct it.");
            }

            if (scale == 0 || !float.IsFinite(scale))
                throw new BadInputException($"{at} scales its input by {scale}; use a finite number other than 0.");
            var own = models[model].Layers[layer];
            layers.Add(new LlamaLayerWeights
            {
                Linears = own.Linears,
                Biases = own.Biases,
                Norms = own.Norms,
                InputScale = own.InputScale * scale,
            });
        }

        var first = models[0];
        return new LlamaWeights
        {
            Config = first.Config with { NumHiddenLayers = layers.Count },
            EmbedTokens = first.EmbedTokens,
            Layers = layers,
            Norm = first.Norm,
            LmHead = first.LmHead,
        };
    }

    /// <summary>
    /// The tensors of an ordinary checkpoint that computes what the path does, formed while they are written. With c_t the product of the
    /// input scales up to slot t, the residual is kept divided by c_t: o_proj and down_proj of slot t, biases included, times 1/c_t; its
    /// two norms of the residual times sign(c_t), the final norm times sign(c_last). Exact but for rounding and the norms' epsilon, which
    /// should be epsilon/c_t^2 and is that of the first slot (<see cref="FoldedConfig"/>).
    /// </summary>
    /// <param name="source">As for <see cref="Join"/>.</param>
    /// <exception cref="BadInputException">A product of scales is too near 0 or too large for fp32.</exception>
    public static IEnumerable<TensorSource> Fold(string source, LlamaWeights path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        var product = 1.0;
        var parts = new List<Func<string, IReadOnlyList<int>, TensorSource>> { Matrix(path.EmbedTokens, 1, cancellationToken) };
        for (var slot = 0; slot < path.Layers.Count; slot++)
        {
            var layer = path.Layers[slot];
            product *= layer.InputScale;
            var inverse = (float)(1 / product);
            if (!float.IsNormal(inverse))
            {
                throw new BadInputException(
                    $"{source}: the input scales up to path[{slot}] multiply to {product:G3}, which no weight can make up for; " +
                    "bring them nearer to 1.");
            }

            for (var norm = 0; norm < layer.Norms.Count; norm++) // queries' and keys' norms see no residual
                parts.Add(Vector(layer.Norms[norm], norm < LayerBlock.QueryNorm ? MathF.Sign(inverse) : 1));
            for (var linear = 0; linear < layer.Linears.Count; linear++)
            {
                var factor = linear is LayerBlock.OProj or LayerBlock.DownProj ? inverse : 1;
                parts.Add(Matrix(layer.Linears[linear], factor, cancellationToken));
                if (layer.Biases[linear] is { } bias) parts.Add(Vector(bias, factor));
            }
        }

        parts.Add(Vector(path.Norm, Math.Sign(product)));
        if (!path.Config.TieWordEmbeddings) parts.Add(Matrix(path.LmHead, 1, cancellationToken));
        return LlamaTensorLayout.Tensors(path.Config).Zip(parts, (tensor, part) => part(tensor.Name, tensor.Shape));
    }

    /// <summary>
    /// Of the checkpoint that <see cref="Fold"/> forms: one epsilon stands for all norms, so it is the one that the first slot needs, where
    /// states are smallest and feel it most; slots with other products of scales are off by their share of it.
    /// </summary>
    public static LlamaConfig FoldedConfig(LlamaWeights path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var scale = (double)path.Layers[0].InputScale;
        return path.Config with { RmsNormEps = path.Config.RmsNormEps / (scale * scale) };
    }

    /// <summary>What the first model decides for the path taken from it, everything else the layers' own.</summary>
    private static LlamaConfig ShapeOf(LlamaConfig config, LlamaConfig first) => config with
    {
        NumHiddenLayers = first.NumHiddenLayers,
        VocabSize = first.VocabSize,
        MaxPositionEmbeddings = first.MaxPositionEmbeddings,
        TieWordEmbeddings = first.TieWordEmbeddings,
        BosTokenId = first.BosTokenId,
        EosTokenIds = first.EosTokenIds,
        TorchDtype = first.TorchDtype,
    };

    private static Func<string, IReadOnlyList<int>, TensorSource> Matrix(
        StoredMatrix matrix, float factor, CancellationToken cancellationToken) =>
        (name, shape) => new TensorSource(name, shape, (firstRow, rows) =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            matrix.ReadRows(firstRow, rows.Length / matrix.Columns, rows.Span);
            if (factor != 1) FloatVectors.Scale(factor, rows.Span);
        });

    private static Func<string, IReadOnlyList<int>, TensorSource> Vector(float[] values, float factor) =>
        (name, shape) => new TensorSource(name, shape, (_, rows) =>
        {
            values.CopyTo(rows);
            if (factor != 1) FloatVectors.Scale(factor, rows.Span);
        });
}
