using System.Collections.Frozen;
using System.Text.RegularExpressions;
using Cuvee.Formats.Json;

namespace Cuvee.Formats.Peft;

/// <summary>
/// adapter_config.json under Cuvee's rules: what is folded, what is ignored because it matters to training only, what is refused.
/// </summary>
internal sealed class PeftConfigFile
{
    private static readonly JsonDocumentKind Kind = new("an adapter's configuration", MaxBytes: 64 << 20, MaxDepth: 64, "correct it");

    // Each changes the update into something else than Scaling * LoraB * LoraA on one linear module.
    private static readonly (string Key, string Meaning)[] Refused =
    [
        ("lora_bias", "bias tensors cannot be merged; train without them"),
        ("modules_to_save", "full copies of modules cannot be merged; leave the adapter out, or train LoRA on them instead " +
            "(target_modules)"),
        ("trainable_token_indices", "full copies of embedding rows cannot be merged; leave the adapter out, or train LoRA on embed_tokens"),
        ("ensure_weight_tying", "LoRA that is tied between embedding and head is not supported; train it on one of them"),
        ("alora_invocation_tokens", "an activated LoRA applies to a part of the tokens only; train a plain LoRA"),
        ("target_parameters", "LoRA on bare parameters is not supported; target linear modules"),
        ("use_qalora", "QALoRA pools the input; train a plain LoRA"),
        ("layer_replication", "replicated layers change the base model; train without them"),
        ("megatron_config", "Megatron's parallel layers are not supported; train a plain LoRA"),
        ("arrow_config", "Arrow routes between adapters; use its single adapters"),
        ("kasa_config", "KaSA puts a diagonal between A and B; train a plain LoRA"),
        ("use_bdlora", "block-diagonal LoRA is not supported; train a plain LoRA"),
        ("monteclora_config", "MonteCLoRA samples its weights; train a plain LoRA"),
        ("velora_config", "VeLoRA is not supported; train a plain LoRA"),
    ];

    // PEFT writes true once it has converted such an adapter; "pissa_niter_16" is pissa, too.
    private const string Convert = "save it as a plain LoRA with PEFT's path_initial_model_for_weight_conversion";

    private static readonly (string Method, string Mend)[] ChangesBase =
    [
        ("pissa", Convert), ("olora", Convert), ("corda", Convert), ("lora_ga", Convert),
        ("loftq", "train a plain LoRA on the base itself"),
    ];

    // Read below, or without an effect on a trained adapter: the tensors in the file tell which modules it has.
    private static readonly FrozenSet<string> Accepted = FrozenSet.ToFrozenSet(
    [
        "peft_type", "task_type", "base_model_name_or_path", "revision", "peft_version", "auto_mapping",
        "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "fan_in_fan_out", "bias", "init_lora_weights",
        "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern",
        "lora_dropout", "inference_mode", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "runtime_config",
        "qalora_group_size", "megatron_core", "use_dora",
    ]);

    private readonly ModulePatterns _ranks;
    private readonly ModulePatterns _alphas;
    private readonly string _path;

    private PeftConfigFile(string path, PeftAdapterConfig config, ModulePatterns ranks, ModulePatterns alphas)
    {
        _path = path;
        Config = config;
        _ranks = ranks;
        _alphas = alphas;
    }

    public PeftAdapterConfig Config { get; }

    /// <summary>Every module has a magnitude vector.</summary>
    public bool UsesDora { get; private init; }

    public static PeftConfigFile Read(string path, PeftReaderOptions options)
    {
        using var json = JsonFile.Read(path, Kind);
        var file = json.Root;
        if (file.Find("peft_type")?.Text() is not "LORA")
            throw file.Error("peft_type", $"is {file.Find("peft_type")?.Shown ?? "missing"}, not \"LORA\"; use a LoRA adapter");
        foreach (var (key, meaning) in Refused)
        {
            if (file.Find(key) is { IsSet: true } set) throw set.Error($"is set: {meaning}");
        }

        if ((file.Find("bias")?.Text() ?? "none") is not "none" and var bias)
            throw file.Error("bias", $"is \"{bias}\": bias tensors cannot be merged; train with \"none\"");
        CheckInitialization(file, options);
        foreach (var (key, value) in file.Members())
        {
            if (value.IsSet && !Accepted.Contains(key) && !Refused.Any(refused => refused.Key == key))
                options.Warn?.Invoke($"{path}: the unknown key '{key}' is ignored; check that it does not change the adapter.");
        }

        var config = new PeftAdapterConfig
        {
            Rank = file["r"].Integer(1),
            LoraAlpha = file["lora_alpha"].Number(),
            UseRsLora = file.Find("use_rslora")?.Boolean() ?? false,
            FanInFanOut = file.Find("fan_in_fan_out")?.Boolean() ?? false,
            BaseModelNameOrPath = file.Find("base_model_name_or_path")?.Text(),
            Revision = file.Find("revision")?.Text(),
            TaskType = file.Find("task_type")?.Text(),
            PeftVersion = file.Find("peft_version")?.Text(),
        };
        var ranks = ReadPatterns(file, "rank_pattern", value => value.Integer(1));
        return new PeftConfigFile(path, config, ranks, ReadPatterns(file, "alpha_pattern", value => value.Number()))
        {
            UsesDora = file.Find("use_dora")?.Boolean() ?? false,
        };
    }

    /// <summary>The rank that the configuration gives <paramref name="module"/>; the tensors' own rank counts.</summary>
    public int ConfiguredRank(string module) => (int)(Match(_ranks, "rank_pattern", module) ?? Config.Rank);

    /// <summary><c>lora_alpha / rank</c>, or <c>lora_alpha / sqrt(rank)</c> for rsLoRA (arXiv 2312.03732).</summary>
    public float Scaling(string module, int rank)
    {
        var alpha = Match(_alphas, "alpha_pattern", module) ?? Config.LoraAlpha;
        var scaling = (float)(alpha / (Config.UseRsLora ? Math.Sqrt(rank) : rank));
        return float.IsFinite(scaling)
            ? scaling
            : throw new BadInputException($"{_path}: 'lora_alpha' gives module '{module}' a scaling outside fp32; lower it.");
    }

    private double? Match(ModulePatterns patterns, string field, string module)
    {
        try
        {
            return patterns.Find(module);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new BadInputException($"{_path}: '{field}' holds the pattern {e.Pattern} that backtracks without end; simplify it.", e);
        }
    }

    private static void CheckInitialization(JsonField file, PeftReaderOptions options)
    {
        if (file.Find("init_lora_weights") is not { } value || value.IsBoolean) return;
        var method = value.Text();
        if (ChangesBase.FirstOrDefault(each => method.StartsWith(each.Method, StringComparison.OrdinalIgnoreCase)) is (_, { } mend))
            throw value.Error($"is \"{method}\": the adapter belongs to a base model that was changed before training; {mend}");
        if (method is not ("gaussian" or "eva" or "orthogonal"))
        {
            options.Warn?.Invoke(
                $"{file.Source}: 'init_lora_weights' is \"{method}\": the adapter may be relative to a changed base model; check how it " +
                "was saved.");
        }
    }

    private static ModulePatterns ReadPatterns(JsonField file, string field, Func<JsonField, double> read)
    {
        var patterns = new ModulePatterns();
        if (file.Find(field) is not { } map) return patterns;
        foreach (var (pattern, value) in map.Members())
        {
            try
            {
                patterns.Add(pattern, read(value));
            }
            catch (ArgumentException e)
            {
                throw map.Error($"holds \"{pattern}\", not a regular expression; correct it", e);
            }
        }

        return patterns;
    }
}
