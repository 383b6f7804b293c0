using System.Text.Json;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;

namespace Cuvee.Inference.Tests.Engine;

/// <summary>One model of tests/fixtures/engine with PyTorch's expectations (generate.py beside them).</summary>
internal sealed class EngineFixture
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private EngineFixture(string folder)
    {
        Folder = folder;
        Config = HuggingFaceModelReader.ReadConfig(folder);
        Weights = LlamaWeights.FromTensors(Config, HuggingFaceModelReader.ReadWeights(folder, Config));
        Expected = JsonSerializer.Deserialize<Expectations>(File.ReadAllText(Path.Combine(folder, "expected.json")), Options)!;
        Records = [.. Expected.Sequences.Select(sequence => new TokenizedRecord(sequence.Id, sequence.Tokens, sequence.ScoredFrom))];
    }

    /// <summary>Two plain Llama models, then one of each further family (see generate.py for what each one has).</summary>
    public static IReadOnlyList<string> All { get; } = ["a", "b", "qwen2", "qwen3", "llama3", "mistral"];

    public static TheoryData<string> Models { get; } = [.. All];

    public string Folder { get; }

    public LlamaConfig Config { get; }

    public LlamaWeights Weights { get; }

    public Expectations Expected { get; }

    public IReadOnlyList<TokenizedRecord> Records { get; }

    public static EngineFixture Load(string name) => new(Path.Combine(AppContext.BaseDirectory, "fixtures", "engine", name));

    public PeftAdapter Adapter(string name) => PeftReader.Read(Path.Combine(Folder, "adapters", name));

    /// <summary>
    /// Copies of the weights with the recipe's update added in double: the definition of methods.md section 1, term by term.
    /// </summary>
    public LlamaWeights Merge(Recipe recipe)
    {
        var tensors = Weights.ToTensors().ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var adapters = recipe.Adapters.Select(share => (Share: share, Adapter: Adapter(share.Name))).ToList();
        if (adapters.Count == 0) return LlamaWeights.FromTensors(Config, tensors.Values);
        foreach (var name in adapters[0].Adapter.Modules.Select(module => module.Name))
        {
            var parts = adapters.Select(part => (part.Share, Module: part.Adapter.Modules.Single(module => module.Name == name))).ToList();
            var weight = tensors[name + ".weight"].Values; // [out, in]
            var (rank, width) = (parts[0].Module.Rank, parts[0].Module.InFeatures);
            var kept = parts.Select(part => Sparsify(part.Module.LoraA.ToSingles(), part.Share.KeepFraction)).ToList();
            var loraB = parts.Select(part => part.Module.LoraB.ToSingles()).ToList();
            for (var row = 0; row < parts[0].Module.OutFeatures; row++)
            {
                for (var column = 0; column < width; column++)
                {
                    double update = 0;
                    for (var r = 0; r < rank; r++)
                    {
                        double left = 0, right = 0, products = 0;
                        for (var i = 0; i < parts.Count; i++)
                        {
                            var b = (double)parts[i].Module.Scaling * loraB[i][(row * rank) + r];
                            double a = kept[i][(r * width) + column];
                            left += parts[i].Share.Weight * b;
                            right += parts[i].Share.Weight * a;
                            products += parts[i].Share.Weight * b * a;
                        }

                        update += recipe.Space == "factors" ? left * right : products;
                    }

                    weight[(row * width) + column] = (float)(weight[(row * width) + column] + update);
                }
            }
        }

        return LlamaWeights.FromTensors(Config, tensors.Values);
    }

    private static float[] Sparsify(float[] a, double keepFraction)
    {
        var count = Math.Max(1, (int)Math.Round(keepFraction * a.Length, MidpointRounding.ToEven));
        var threshold = a.Select(Math.Abs).OrderDescending().ElementAt(count - 1);
        return [.. a.Select(x => Math.Abs(x) >= threshold ? x : 0)];
    }
}

internal sealed record Expectations(IReadOnlyList<Sequence> Sequences, IReadOnlyList<Case> Cases, Greedy Greedy);

internal sealed record Sequence(string Id, int[] Tokens, int ScoredFrom);

internal sealed record Case(string Name, Recipe Recipe, double[][] Logprobs);

internal sealed record Recipe(string Space, IReadOnlyList<Share> Adapters);

internal sealed record Share(string Name, double KeepFraction, double Weight);

internal sealed record Greedy(int MaxTokens, IReadOnlyList<Continuation> Continuations);

internal sealed record Continuation(int[] Prompt, [property: System.Text.Json.Serialization.JsonPropertyName("continuation")] int[] Tokens);
