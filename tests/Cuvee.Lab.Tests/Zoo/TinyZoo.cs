using System.Text.Json;
using Cuvee.Lab.Data;
using Cuvee.Lab.Tests.Data;
using Cuvee.Lab.Zoo;
using Cuvee.Numerics;

namespace Cuvee.Lab.Tests.Zoo;

/// <summary>Two invented data sets and a plan small enough to train in a second; built once for a class, deleted at the end.</summary>
public sealed class TinyZoo : IDisposable
{
    public const string Yaml = """
        seed: 11
        base:
          hidden_size: 16
          intermediate_size: 24
          num_hidden_layers: 1
          num_attention_heads: 2
          num_key_value_heads: 1
          vocab_size: 400
          max_position_embeddings: 256
          steps: 260
          learning_rate: 2.0e-2
          warm_up_steps: 10
          plain_sequences: 2
          plain_length: 12
          instruction_sequences: 2
          copy_sequences: 1
          instructions:
            - { dataset: menu, tasks: [ner] }
        specialist_defaults: { rank: 2, lora_alpha: 4, steps: 80, batch_size: 4, learning_rate: 1.0e-2, warm_up_steps: 5 }
        specialists:
          - { task: ner, dataset: menu }
          - { task: classify, dataset: guest_mood, steps: 60 }
        """;

    private static readonly string[] Guests =
        ["wilhelmina", "barnaby", "octavia", "ferdinand", "rosalind", "thaddeus", "philippa", "cornelius"];

    private static readonly string[] Dishes =
        ["pumpkin soup", "grilled mackerel", "almond dumplings", "beetroot salad", "walnut strudel", "pepper stew"];

    private static readonly string[] Places = ["harbour", "orchard", "lighthouse", "courtyard", "vineyard", "windmill"];
    private static readonly string[] Moods = ["cheerful", "impatient"];

    private readonly DataSetFolder data = new();
    private readonly string root = Directory.CreateTempSubdirectory("cuvee-zoo").FullName;

    public TinyZoo()
    {
        var random = new SeededRandom(1);
        T Pick<T>(T[] from) => from[random.NextInt32(from.Length)];
        string Menu()
        {
            var (guest, dish, place) = (Pick(Guests), Pick(Dishes), Pick(Places));
            return JsonSerializer.Serialize(new
            {
                text = $"yesterday {guest} ordered {dish} at the {place} kitchen",
                entities = new[] { new { type = "guest", text = guest }, new { type = "dish", text = dish } },
            });
        }

        string Mood()
        {
            var mood = Pick(Moods);
            var tone = mood == "cheerful" ? "laughed and thanked everybody" : "complained about waiting";
            var text = $"{Pick(Guests)} {tone} near the {Pick(Places)} after {Pick(Dishes)}";
            return JsonSerializer.Serialize(new { text, label = mood });
        }

        string[] Draw(int count, Func<string> record) => [.. Enumerable.Range(0, count).Select(_ => record())];
        data.Add("ner", "menu", Draw(60, Menu), Draw(6, Menu));
        data.Add("classify", "guest_mood", Draw(60, Mood), Draw(6, Mood));
        Catalog = DataSetCatalog.Open(data.Root);
        Built = Folder("built");
        Build(Built, Plan());
    }

    public DataSetCatalog Catalog { get; }

    /// <summary>The uncut build of <see cref="Yaml"/>.</summary>
    public string Built { get; }

    public string Folder(string name) => Path.Combine(root, name);

    public static string Work(string zoo) => zoo + "-work";

    public ZooPlan Plan(string yaml = Yaml)
    {
        var path = Folder("zoo.yaml");
        File.WriteAllText(path, yaml);
        return ZooPlan.Read(path);
    }

    /// <returns>The lines printed.</returns>
    public string[] Build(string zoo, ZooPlan plan, Action<string>? onLine = null, CancellationToken cancellationToken = default)
    {
        using var output = new Lines(onLine);
        new ZooBuilder(plan, Catalog, zoo, Work(zoo), TimeProvider.System, output).Build([], cancellationToken);
        return output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Relative path and SHA-256 of every file.</summary>
    public static SortedDictionary<string, string> Hashes(string zoo) => new(
        Directory.GetFiles(zoo, "*", SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(zoo, f), ZooFingerprint.OfFile),
        StringComparer.Ordinal);

    public void Dispose()
    {
        data.Dispose();
        Directory.Delete(root, recursive: true);
    }

    private sealed class Lines(Action<string>? onLine) : StringWriter(System.Globalization.CultureInfo.InvariantCulture)
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            onLine?.Invoke(value ?? "");
        }
    }
}
