using System.Buffers.Binary;
using System.Text;

namespace Cuvee.FunctionalTests;

/// <summary>Ways to be wrong: each damages a tiny zoo and returns the arguments of a call that must refuse.</summary>
internal static class BadInputCases
{
    /// <summary>More tokens than the tiny model's context of 128.</summary>
    private static readonly string LongText = string.Concat(Enumerable.Repeat("xyz ", 200));

    public static IReadOnlyDictionary<string, Case> All { get; } = new Dictionary<string, Case>
    {
        ["unknown command"] = new("'blend'", _ => ["blend"]),
        ["no command"] = new("cuvee --help", _ => []),
        ["unknown option"] = new("'--modle'", zoo => ["score", "--modle", zoo.ModelFolder]),
        ["missing option"] = new("'--data'", zoo => ["score", "--model", zoo.ModelFolder]),
        ["unknown metric"] = new("bleu", zoo => ["evaluate", "--model", zoo.ModelFolder, "--data", Data(zoo), "--metric", "bleu"]),
        ["negative number"] = new("--max-tokens", zoo => ["generate", "--model", zoo.ModelFolder, "--prompt", "red", "--max-tokens", "-1"]),
        ["no number"] = new("--temperature", zoo => ["generate", "--model", zoo.ModelFolder, "--prompt", "red", "--temperature", "warm"]),
        ["adapter and pool"] = new("--adapter", zoo =>
            [.. Score(zoo), "--adapter", Adapter(zoo), "--pool", zoo.PoolFolder, "--recipe", Recipe(zoo)]),
        ["pool without recipe"] = new("--recipe", zoo => [.. Score(zoo), "--pool", zoo.PoolFolder]),
        ["no thread"] = new("--threads", zoo => ["bench", "inference", "--model", zoo.ModelFolder, "--threads", "-1"]),
        ["scored above length"] = new("--scored", _ => ["bench", "candidate", "--scored", "9", "--length", "8"]),
        ["gguf"] = new("gguf", zoo => [.. Apply(zoo, Recipe(zoo)), "--format", "gguf"]),
        ["folded without model"] = new("--model", zoo => [.. Apply(zoo, Recipe(zoo)), "--format", "folded"]),
        ["rank zero"] = new("--rank", zoo => [.. Apply(zoo, Recipe(zoo)), "--rank", "0"]),

        ["no model folder"] = new("absent", zoo => ["score", "--model", Path.Combine(zoo.Folder, "absent"), "--data", Data(zoo)]),
        ["no tokenizer"] = new("tokenizer.json", zoo => After(() => File.Delete(Model(zoo, "tokenizer.json")), Score(zoo))),
        ["broken tokenizer"] = new("tokenizer.json", zoo => After(() => File.WriteAllText(Model(zoo, "tokenizer.json"), "{}"), Score(zoo))),
        ["broken config"] = new("config.json", zoo => After(() => File.WriteAllText(Model(zoo, "config.json"), "{"), Score(zoo))),
        ["other architecture"] = new("model_type", zoo =>
            After(() => Replace(Model(zoo, "config.json"), "\"llama\"", "\"gpt2\""), Score(zoo))),
        ["truncated model"] = new("model.safetensors", zoo => After(() => Truncate(Model(zoo, "model.safetensors")), Score(zoo))),
        ["NaN in model"] = new("model.safetensors", zoo => After(() => PoisonLastValue(Model(zoo, "model.safetensors")), Score(zoo))),

        ["truncated adapter"] = new("adapter_model.safetensors", zoo =>
            After(() => Truncate(Tensors(zoo)), [.. Score(zoo), "--adapter", Adapter(zoo)])),
        ["hostile header length"] = new("adapter_model.safetensors", zoo =>
            After(() => HostileLength(Tensors(zoo)), ["inspect", zoo.PoolFolder])),
        ["hostile offsets"] = new("adapter_model.safetensors", zoo => After(() => HostileOffsets(Tensors(zoo)), Apply(zoo, Recipe(zoo)))),
        ["NaN in adapter"] = new("adapter_model.safetensors", zoo => After(() => PoisonLastValue(Tensors(zoo)), Apply(zoo, Recipe(zoo)))),
        ["NaN in adapter of a run"] = new("adapter_model.safetensors", zoo => After(() => PoisonLastValue(Tensors(zoo)), Merge(zoo, ""))),
        ["DoRA adapter"] = new("use_dora", zoo => After(
            () => Replace(Path.Combine(Adapter(zoo), "adapter_config.json"), "\"use_dora\": false", "\"use_dora\": true"),
            [.. Score(zoo), "--adapter", Adapter(zoo)])),
        ["MLX adapter"] = new("adapters.safetensors", zoo => After(
            () => File.Move(Tensors(zoo), Path.Combine(Adapter(zoo), "adapters.safetensors")), [.. Score(zoo), "--adapter", Adapter(zoo)])),
        ["other base"] = new("--allow-different-bases", zoo => After(
            () => Replace(Path.Combine(Adapter(zoo), "adapter_config.json"), "\"tiny\"", "\"other\""),
            Apply(zoo, Recipe(zoo)))),
        ["gguf model cut"] = new("x.gguf", zoo => After(() =>
            File.WriteAllBytes(Path.Combine(zoo.Folder, "x.gguf"), [.. "GGUF"u8, 3, 0, 0, 0]),
            ["score", "--model", Path.Combine(zoo.Folder, "x.gguf"), "--data", Data(zoo)])),
        ["no gguf model"] = new("absent.gguf", zoo => ["score", "--model", Path.Combine(zoo.Folder, "absent.gguf"), "--data", Data(zoo)]),
        ["export to a folder's name"] = new("FILE.gguf",
            zoo => ["export", "--model", zoo.ModelFolder, "--out", Path.Combine(zoo.Folder, "x")]),
        ["export over a file"] = new("--force", zoo => After(() => File.WriteAllText(Path.Combine(zoo.Folder, "x.gguf"), ""),
            ["export", "--model", zoo.ModelFolder, "--out", Path.Combine(zoo.Folder, "x.gguf")])),
        ["keep fraction without a pool"] = new("it needs --pool",
            zoo => ["export", "--model", zoo.ModelFolder, "--out", Path.Combine(zoo.Folder, "x.gguf"), "--keep-fraction", "0.5"]),
        ["pruned too much"] = new("between 0 and 1",
            zoo => ["export", "--model", zoo.ModelFolder, "--pool", zoo.PoolFolder, "--out", Path.Combine(zoo.Folder, "x"),
                "--keep-fraction", "1.5"]),
        ["pruned to nothing"] = new("--keep-fraction is 0",
            zoo => ["export", "--model", zoo.ModelFolder, "--pool", zoo.PoolFolder, "--out", Path.Combine(zoo.Folder, "x"),
                "--keep-fraction", "0", "2"]),
        ["pool in a model's type"] = new("q8_0 is for models",
            zoo => ["export", "--model", zoo.ModelFolder, "--pool", zoo.PoolFolder, "--out", Path.Combine(zoo.Folder, "x"), "--dtype",
                "q8_0"]),
        ["served with TLS"] = new("'https://127.0.0.1:1'", zoo => Serve(zoo, "--url", "https://127.0.0.1:1")),
        ["served at two addresses"] = new("--url", zoo => Serve(zoo, "--url", "http://127.0.0.1:1/;http://0.0.0.0:1")),
        ["request time beyond timers"] = new("[1, 4000000]", zoo => Serve(zoo, "--request-time", "5000000")),
        ["drain time beyond timers"] = new("--drain-time", zoo => Serve(zoo, "--drain-time", "2000000000")),
        ["search time beyond timers"] = new("--search-time", zoo => Serve(zoo, "--search-time", "4000001")),
        ["unknown template of chats"] = new("'jinja'", zoo => Serve(zoo, "--template", "jinja")),
        ["no server"] = new("cannot be reached", _ => ["providers", "check", "http://127.0.0.1:1"]),
        ["no key for the server"] = new("CUVEE_TEST_NO_SUCH_KEY",
            _ => ["providers", "check", "http://127.0.0.1:1", "--key-variable", "CUVEE_TEST_NO_SUCH_KEY"]),
        ["key that no header carries"] = new("--key-variable names the environment variable CUVEE_TEST_BROKEN_KEY", _ => After(
            () => Environment.SetEnvironmentVariable("CUVEE_TEST_BROKEN_KEY", "a\r\nb"),
            ["providers", "check", "http://127.0.0.1:1", "--key-variable", "CUVEE_TEST_BROKEN_KEY"])),
        ["no chat endpoint"] = new("cannot be reached", zoo => ["providers", "check", Write(zoo, "chat.yaml", """
            model: { provider: chat, url: "http://127.0.0.1:1", attempts: 1 }
            pool: { names: [adapter-a] }
            validation: validation.jsonl
            search: cma-es
            objective: exact-match
            out: out
            """)]),
        ["address without a scheme"] = new("an address begins with http:// or https://", _ => ["providers", "check", "127.0.0.1:8080"]),
        ["no run file to check"] = new("absent.yaml", _ => ["providers", "check", "absent.yaml"]),
        ["no adapter folder"] = new("absent", zoo => [.. Score(zoo), "--adapter", Path.Combine(zoo.Folder, "absent")]),
        ["no pool folder"] = new("absent", zoo => ["inspect", Path.Combine(zoo.Folder, "absent")]),
        ["unknown exclude"] = new("adapter-z", zoo => ["inspect", zoo.PoolFolder, "--exclude", "adapter-z"]),
        ["unequal ranks in factors"] = new("adapter-a", zoo => After(
            () => zoo.WriteAdapter("adapter-a", 3, 7), Apply(zoo, Recipe(zoo, space: "factors")))),
        ["unequal ranks in factors of a run"] = new("rank", zoo =>
            After(() => zoo.WriteAdapter("adapter-a", 3, 7), Merge(zoo, "space: factors"))),

        ["unknown adapter in recipe"] = new("adapter-z", zoo => Apply(zoo, Recipe(zoo, name: "adapter-z"))),
        ["unknown adapter in recipe, scored"] = new("adapter-z", zoo =>
            [.. Score(zoo), "--pool", zoo.PoolFolder, "--recipe", Recipe(zoo, name: "adapter-z")]),
        ["unknown recipe key"] = new("'bias'", zoo =>
            Apply(zoo, Write(zoo, "r.json", """{"space": "delta", "adapters": [], "bias": 1}"""))),
        ["unknown adapter key"] = new("'scale'", zoo => Apply(
            zoo, Write(zoo, "r.json", """{"space": "delta", "adapters": [{"name": "adapter-a", "weight": 1, "scale": 2}]}"""))),
        ["keep fraction out of range"] = new("keep_fraction", zoo => Apply(
            zoo, Write(zoo, "r.json", """{"space": "delta", "adapters": [{"name": "adapter-a", "weight": 1, "keep_fraction": 1.5}]}"""))),
        ["broken recipe"] = new("r.json", zoo => Apply(zoo, Write(zoo, "r.json", "{\"space\": "))),
        ["no recipe"] = new("absent.json", zoo => Apply(zoo, Path.Combine(zoo.Folder, "absent.json"))),
        ["taken output folder"] = new("--force", zoo => After(
            () => Directory.CreateDirectory(Path.Combine(zoo.Folder, "merged", "sub")), Apply(zoo, Recipe(zoo)))),

        ["answers over the data"] = new("is the data itself", zoo => Evaluate(zoo, Data(zoo))),
        ["answers into no folder"] = new("its folder does not exist", zoo => Evaluate(zoo, Path.Combine(zoo.Folder, "no", "x.jsonl"))),
        ["no data"] = new("absent.jsonl", zoo => Score(zoo, Path.Combine(zoo.Folder, "absent.jsonl"))),
        ["empty data"] = new("d.jsonl", zoo => Score(zoo, Write(zoo, "d.jsonl", "\n"))),
        ["broken data"] = new("line 2", zoo => Score(zoo, Write(zoo, "d.jsonl", "{\"prompt\":\"a\",\"completion\":\"b\"}\n{\"prompt\":"))),
        ["missing field"] = new("'completion'", zoo => Score(zoo, Write(zoo, "d.jsonl", "{\"prompt\":\"a\"}"))),
        ["misnamed field"] = new("the record has \"prompt\", \"answer\"", zoo =>
            Score(zoo, Write(zoo, "d.jsonl", "{\"prompt\":\"a\",\"answer\":\"c\"}"))),
        ["empty completion"] = new("'completion'", zoo => Score(zoo, Write(zoo, "d.jsonl", "{\"prompt\":\"a\",\"completion\":\"\"}"))),
        ["record over the context"] = new("'long'", zoo => Score(
            zoo, Write(zoo, "d.jsonl", $$"""{"id":"long","prompt":"a","completion":"{{LongText}}"}"""))),
        ["unknown template"] = new("'jinja'", zoo => [.. Score(zoo), "--template", "jinja"]),
        ["template of no model"] = new("--template", zoo => [.. Score(zoo), "--template", "auto"]),
        ["template of other tokens"] = new("<|im_end|>", zoo => [.. Score(zoo), "--template", "chatml"]),
        ["unknown closing token"] = new("'<end>'", zoo => [.. Score(zoo), "--completion-end", "<end>"]),
        ["unknown template in a run"] = new("'template'", zoo => Merge(zoo, "template: jinja")),
        ["unknown closing token in a run"] = new("'<end>'", zoo => Merge(zoo, "completion_end: <end>")),
        ["special tokens of a completion"] = new("--no-special", zoo =>
            ["tokenize", "--model", zoo.ModelFolder, "--text", "red", "--completion", "--no-special"]),
        ["no text to time"] = new("absent.txt", zoo =>
            ["bench", "tokenize", "--model", zoo.ModelFolder, "--text", Path.Combine(zoo.Folder, "absent.txt")]),
        ["prompt over the context"] = new("--prompt", zoo =>
            ["generate", "--model", zoo.ModelFolder, "--prompt", LongText]),

        ["no run file"] = new("absent.yaml", zoo => ["merge", Path.Combine(zoo.Folder, "absent.yaml")]),
        ["unknown run key"] = new("'budgets'", zoo => Merge(zoo, "budgets: 3")),
        ["broken run file"] = new("run.yaml", zoo => ["merge", Write(zoo, "run.yaml", "model: [")]),
        ["budget too small"] = new("budget", zoo => Merge(zoo, "", "budget: { queries: 1 }")),
        ["unknown adapter in a run"] = new("adapter-z", zoo => Merge(zoo, "", pool: "{ path: pool, exclude: [adapter-z] }")),
        ["empty validation file"] = new("validation.jsonl", zoo => After(() => File.WriteAllText(Data(zoo), ""), Merge(zoo, ""))),
        ["taken run folder"] = new("--resume", zoo => After(
            () => WriteOut(zoo, "run.json", "{}"), Merge(zoo, ""))),
        ["taken run folder of a plan"] = new("--resume", zoo => After(
            () => WriteOut(zoo, "run.json", "{}"), [.. Merge(zoo, ""), "--dry-run"])),
        ["a README in the run folder"] = new("README.md would be replaced", zoo => After(
            () => WriteOut(zoo, "README.md", "mine"), Merge(zoo, ""))),
        ["a checkpoint in the run folder"] = new("checkpoint would be replaced", zoo => After(
            () => Directory.CreateDirectory(Path.Combine(zoo.Folder, "out", "checkpoint")), Merge(zoo, ""))),
        ["run folder in the pool"] = new("'out' lies in the folder of the pool", zoo =>
            [.. Merge(zoo, ""), "--out", Path.Combine(zoo.PoolFolder, "out")]),
        ["an anchor that holds itself"] = new("'*a' holds itself", zoo => Merge(zoo, "? &a [*a]\n: x")),
        ["resume of no folder"] = new("holds no run to resume", zoo => [.. Merge(zoo, ""), "--resume"]),
        ["larger budget for no run"] = new("holds no run to resume", zoo => [.. Merge(zoo, ""), "--resume", "--queries", "9000"]),
        ["nothing to resume"] = new("run.json", zoo => After(
            () => WriteOut(zoo, "merge_manifest.json", "{}"),
            [.. Merge(zoo, ""), "--resume"])),
        ["resume of another run"] = new("run.json", zoo => After(
            () => WriteOut(zoo, "run.json", "{\"seed\": 1}"),
            [.. Merge(zoo, ""), "--resume"])),
    };

    private static string[] Evaluate(TinyZoo zoo, string answers) =>
        ["evaluate", "--model", zoo.ModelFolder, "--data", Data(zoo), "--metric", "rouge-l", "--answers", answers];

    private static string Data(TinyZoo zoo) => Path.Combine(zoo.Folder, "validation.jsonl");

    private static string Model(TinyZoo zoo, string file) => Path.Combine(zoo.ModelFolder, file);

    private static string Adapter(TinyZoo zoo) => Path.Combine(zoo.PoolFolder, "adapter-a");

    private static string Tensors(TinyZoo zoo) => Path.Combine(Adapter(zoo), "adapter_model.safetensors");

    private static string[] Score(TinyZoo zoo, string? data = null) =>
        ["score", "--model", zoo.ModelFolder, "--data", data ?? Data(zoo), "--json"];

    private static string[] Serve(TinyZoo zoo, params string[] more) =>
        ["serve", "--model", zoo.ModelFolder, "--pool", zoo.PoolFolder, .. more];

    private static string[] Apply(TinyZoo zoo, string recipe) =>
        ["apply", "--pool", zoo.PoolFolder, "--recipe", recipe, "--out", Path.Combine(zoo.Folder, "merged"), "--json"];

    private static string[] Merge(
        TinyZoo zoo, string more, string budget = "budget: { evaluations: 40 }", string pool = "{ path: pool }") =>
        ["merge", Write(zoo, "run.yaml", $"""
            model: model
            pool: {pool}
            validation: validation.jsonl
            search: evo-merging
            out: out
            {budget}
            {more}
            """), "--json"];

    private static string Recipe(TinyZoo zoo, string name = "adapter-a", string space = "delta") => Write(
        zoo,
        "recipe.json",
        $$"""{"space": "{{space}}", "adapters": [{"name": "{{name}}", "weight": 1}, {"name": "adapter-b", "weight": 0.5}]}""");

    private static string Write(TinyZoo zoo, string name, string text)
    {
        var path = Path.Combine(zoo.Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static void WriteOut(TinyZoo zoo, string name, string text)
    {
        Directory.CreateDirectory(Path.Combine(zoo.Folder, "out"));
        Write(zoo, Path.Combine("out", name), text);
    }

    private static string[] After(Action damage, string[] arguments)
    {
        damage();
        return arguments;
    }

    private static void Replace(string path, string old, string text)
    {
        var content = File.ReadAllText(path);
        Assert.Contains(old, content, StringComparison.Ordinal);
        File.WriteAllText(path, content.Replace(old, text, StringComparison.Ordinal));
    }

    private static void Truncate(string path)
    {
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length - 100)]);
    }

    /// <summary>The last float becomes a quiet NaN.</summary>
    private static void PoisonLastValue(string path)
    {
        var bytes = File.ReadAllBytes(path);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(bytes.Length - sizeof(float)), float.NaN);
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>The header claims 2^63 bytes.</summary>
    private static void HostileLength(string path)
    {
        var bytes = File.ReadAllBytes(path);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, 1UL << 63);
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>The first tensor begins before the file does; the header keeps its length.</summary>
    private static void HostileOffsets(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var header = bytes.AsSpan(sizeof(ulong), (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        var start = header.IndexOf("\"data_offsets\":["u8) + "\"data_offsets\":["u8.Length;
        var digits = header[start..][..header[start..].IndexOf((byte)']')];
        Encoding.ASCII.GetBytes("-1,9".PadRight(digits.Length)).AsSpan(0, digits.Length).CopyTo(digits);
        File.WriteAllBytes(path, bytes);
    }

    /// <param name="Named">What the sentence must name.</param>
    /// <param name="Prepare">Damages the zoo and returns the arguments.</param>
    internal sealed record Case(string Named, Func<TinyZoo, string[]> Prepare);
}
