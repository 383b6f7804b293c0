using Cuvee.Formats.HuggingFace;

namespace Cuvee.Training.Tests;

/// <summary>Scalar double-precision Llama loss, written from the architecture's definition: the oracle of the gradients.</summary>
internal static class DoubleLlama
{
    /// <summary>Sum of the negative log-likelihood of one example's scored tokens, nats.</summary>
    public static double Loss(LlamaConfig config, IReadOnlyDictionary<string, double[]> weights, TrainingExample example)
    {
        var n = example.Tokens.Length - 1;
        var hidden = config.HiddenSize;
        var embed = weights["model.embed_tokens.weight"];
        var x = new double[n][];
        for (var t = 0; t < n; t++) x[t] = embed[(example.Tokens[t] * hidden)..((example.Tokens[t] + 1) * hidden)];
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            double[] W(string path) => weights[$"model.layers.{layer}.{path}.weight"];
            var normed = x.Select(row => Norm(row, W("input_layernorm"), config.RmsNormEps)).ToArray();
            double[] Linear(string path, double[] row)
            {
                var product = MatVec(W(path), row);
                return weights.TryGetValue($"model.layers.{layer}.{path}.bias", out var bias) ? Sum(product, bias) : product;
            }

            double[] NormHeads(string path, double[] row) => !weights.ContainsKey($"model.layers.{layer}.{path}.weight")
                ? row
                : [.. row.Chunk(config.HeadDim).SelectMany(head => Norm(head, W(path), config.RmsNormEps))];
            var q = normed.Select((row, t) => Rotate(config, NormHeads("self_attn.q_norm", Linear("self_attn.q_proj", row)), t)).ToArray();
            var k = normed.Select((row, t) => Rotate(config, NormHeads("self_attn.k_norm", Linear("self_attn.k_proj", row)), t)).ToArray();
            var v = normed.Select(row => Linear("self_attn.v_proj", row)).ToArray();
            for (var t = 0; t < n; t++) x[t] = Sum(x[t], Linear("self_attn.o_proj", Attend(config, q[t], k, v, t)));
            for (var t = 0; t < n; t++)
            {
                var m = Norm(x[t], W("post_attention_layernorm"), config.RmsNormEps);
                var gate = Linear("mlp.gate_proj", m);
                var up = Linear("mlp.up_proj", m);
                x[t] = Sum(x[t], Linear("mlp.down_proj", gate.Select((g, i) => g / (1 + Math.Exp(-g)) * up[i]).ToArray()));
            }
        }

        var head = config.TieWordEmbeddings ? embed : weights["lm_head.weight"];
        var loss = 0.0;
        for (var t = example.ScoredFrom - 1; t < n; t++)
        {
            var logits = MatVec(head, Norm(x[t], weights["model.norm.weight"], config.RmsNormEps));
            var max = logits.Max();
            loss += max + Math.Log(logits.Sum(l => Math.Exp(l - max))) - logits[example.Tokens[t + 1]];
        }

        return loss;
    }

    public static Dictionary<string, double[]> Widen(DenseWeights weights) =>
        weights.ToTensors().ToDictionary(t => t.Name, t => Array.ConvertAll(t.Values, v => (double)v));

    private static double[] Attend(LlamaConfig config, double[] q, double[][] k, double[][] v, int t)
    {
        var dim = config.HeadDim;
        var result = new double[config.NumAttentionHeads * dim];
        for (var head = 0; head < config.NumAttentionHeads; head++)
        {
            var kv = head / (config.NumAttentionHeads / config.NumKeyValueHeads);
            var first = Math.Max(0, t + 1 - (config.SlidingWindow ?? int.MaxValue));
            var scores = Enumerable.Range(first, t + 1 - first)
                .Select(s => Enumerable.Range(0, dim).Sum(i => q[(head * dim) + i] * k[s][(kv * dim) + i]) / Math.Sqrt(dim))
                .ToArray();
            var max = scores.Max();
            var p = scores.Select(s => Math.Exp(s - max)).ToArray();
            var total = p.Sum();
            for (var s = first; s <= t; s++)
            {
                for (var i = 0; i < dim; i++) result[(head * dim) + i] += p[s - first] / total * v[s][(kv * dim) + i];
            }
        }

        return result;
    }

    private static double[] Rotate(LlamaConfig config, double[] x, int position)
    {
        var half = config.HeadDim / 2;
        var result = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            var within = i % config.HeadDim;
            var frequency = Math.Pow(config.RopeTheta, -2.0 * (within % half) / config.HeadDim);
            var angle = position * (config.RopeScaling switch
            {
                LinearRopeScaling linear => frequency / linear.Factor,
                Llama3RopeScaling llama3 => Stretched(frequency, llama3),
                _ => frequency,
            });
            var partner = within < half ? -x[i + half] : x[i - half];
            result[i] = (x[i] * Math.Cos(angle)) + (partner * Math.Sin(angle));
        }

        return result;
    }

    // The rule as Meta wrote it: by wave length, smoothed between the two limits.
    private static double Stretched(double frequency, Llama3RopeScaling scaling)
    {
        var wave = 2 * Math.PI / frequency;
        if (wave < scaling.OriginalMaxPositionEmbeddings / scaling.HighFreqFactor) return frequency;
        if (wave > scaling.OriginalMaxPositionEmbeddings / scaling.LowFreqFactor) return frequency / scaling.Factor;
        var smooth = ((scaling.OriginalMaxPositionEmbeddings / wave) - scaling.LowFreqFactor)
            / (scaling.HighFreqFactor - scaling.LowFreqFactor);
        return ((1 - smooth) * frequency / scaling.Factor) + (smooth * frequency);
    }

    private static double[] Norm(double[] x, double[] weight, double eps)
    {
        var scale = 1 / Math.Sqrt((x.Sum(v => v * v) / x.Length) + eps);
        return x.Select((v, i) => v * scale * weight[i]).ToArray();
    }

    private static double[] MatVec(double[] w, double[] x)
    {
        var result = new double[w.Length / x.Length];
        for (var o = 0; o < result.Length; o++)
        {
            for (var i = 0; i < x.Length; i++) result[o] += w[(o * x.Length) + i] * x[i];
        }

        return result;
    }

    private static double[] Sum(double[] a, double[] b) => a.Select((v, i) => v + b[i]).ToArray();
}
