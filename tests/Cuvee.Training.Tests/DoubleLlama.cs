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
            var q = normed.Select((row, t) => Rotate(config, MatVec(W("self_attn.q_proj"), row), t)).ToArray();
            var k = normed.Select((row, t) => Rotate(config, MatVec(W("self_attn.k_proj"), row), t)).ToArray();
            var v = normed.Select(row => MatVec(W("self_attn.v_proj"), row)).ToArray();
            for (var t = 0; t < n; t++) x[t] = Sum(x[t], MatVec(W("self_attn.o_proj"), Attend(config, q[t], k, v, t)));
            for (var t = 0; t < n; t++)
            {
                var m = Norm(x[t], W("post_attention_layernorm"), config.RmsNormEps);
                var gate = MatVec(W("mlp.gate_proj"), m);
                var up = MatVec(W("mlp.up_proj"), m);
                x[t] = Sum(x[t], MatVec(W("mlp.down_proj"), gate.Select((g, i) => g / (1 + Math.Exp(-g)) * up[i]).ToArray()));
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
            var scores = Enumerable.Range(0, t + 1)
                .Select(s => Enumerable.Range(0, dim).Sum(i => q[(head * dim) + i] * k[s][(kv * dim) + i]) / Math.Sqrt(dim))
                .ToArray();
            var max = scores.Max();
            var p = scores.Select(s => Math.Exp(s - max)).ToArray();
            var total = p.Sum();
            for (var s = 0; s <= t; s++)
            {
                for (var i = 0; i < dim; i++) result[(head * dim) + i] += p[s] / total * v[s][(kv * dim) + i];
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
            var angle = position * Math.Pow(config.RopeTheta, -2.0 * (within % half) / config.HeadDim);
            var partner = within < half ? -x[i + half] : x[i - half];
            result[i] = (x[i] * Math.Cos(angle)) + (partner * Math.Sin(angle));
        }

        return result;
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
