using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Training;

/// <summary>LoRA factors of all seven linears of every block, indexed [layer][linear].</summary>
public sealed class LoraParameters
{
    private LoraParameters(LlamaConfig config, int rank, double loraAlpha, LoraFactors[][] modules)
    {
        Config = config;
        Rank = rank;
        LoraAlpha = loraAlpha;
        Modules = modules;
    }

    public LlamaConfig Config { get; }

    public int Rank { get; }

    public double LoraAlpha { get; }

    public float Scaling => (float)(LoraAlpha / Rank);

    /// <summary>LoraA [rank, in], LoraB [out, rank] of each module; the arrays are written by training.</summary>
    public IReadOnlyList<IReadOnlyList<LoraFactors>> Modules { get; }

    /// <summary>LoraA uniform with PEFT's bound sqrt(6 / ((1 + 5) in)) = 1 / sqrt(in) (Kaiming, a = sqrt 5), LoraB zero.</summary>
    public static LoraParameters Create(LlamaConfig config, int rank, double loraAlpha, SeededRandom random) =>
        Build(config, rank, loraAlpha, inFeatures =>
        {
            var bound = 1 / Math.Sqrt(inFeatures);
            return (float)(((2 * random.NextDouble()) - 1) * bound);
        });

    /// <summary>All factors zero: a gradient buffer.</summary>
    public LoraParameters ZerosLike() => Build(Config, Rank, LoraAlpha, _ => 0f);

    public PeftAdapter ToAdapter(string name, string baseModel) => new(
        name,
        new PeftAdapterConfig { Rank = Rank, LoraAlpha = LoraAlpha, BaseModelNameOrPath = baseModel, TaskType = "CAUSAL_LM" },
        [.. Modules.SelectMany(layer => layer).OrderBy(module => module.Name, StringComparer.Ordinal).Select(module => new LoraModule(
            module.Name, module.InFeatures, module.OutFeatures, module.Rank, module.LoraA, module.LoraB, module.Scaling))]);

    /// <summary>target = base + Scaling * LoraB * LoraA for every linear. The two share all other arrays.</summary>
    public void Fold(DenseWeights source, DenseWeights target, ThreadTeam team)
    {
        ArgumentNullException.ThrowIfNull(team);
        var linears = Config.LinearModules.Count;
        team.Run(Modules.Count * linears, item =>
        {
            var (layer, linear) = Math.DivRem(item, linears);
            var module = Modules[layer][linear];
            var scaled = module.LoraB.ToArray(); // [out, rank]
            FloatVectors.Scale(module.Scaling, scaled);
            var weight = target.Layers[layer].Linears[linear];
            source.Layers[layer].Linears[linear].AsSpan().CopyTo(weight);
            Gemm.Multiply(
                module.OutFeatures, module.InFeatures, Rank, scaled, Rank, false, module.LoraA, module.InFeatures, false,
                weight, module.InFeatures, true);
        });
    }

    private static LoraParameters Build(LlamaConfig config, int rank, double loraAlpha, Func<int, float> initialA)
    {
        var modules = new LoraFactors[config.NumHiddenLayers][];
        for (var layer = 0; layer < modules.Length; layer++)
        {
            modules[layer] = [.. config.LinearModules.Select(linear =>
            {
                var a = new float[rank * linear.InFeatures];
                for (var i = 0; i < a.Length; i++) a[i] = initialA(linear.InFeatures);
                return new LoraFactors(
                    $"model.layers.{layer}.{linear.Path}", linear.InFeatures, linear.OutFeatures, rank, a,
                    new float[linear.OutFeatures * rank], (float)(loraAlpha / rank));
            })];
        }

        return new LoraParameters(config, rank, loraAlpha, modules);
    }
}
