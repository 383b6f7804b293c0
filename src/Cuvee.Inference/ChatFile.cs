using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Json;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;

namespace Cuvee.Inference;

/// <summary>Reads what tokenizer_config.json and chat_template.jinja of a Hugging Face folder say of conversations.</summary>
internal static class ChatFile
{
    private const string JinjaName = "chat_template.jinja";

    private const int LargestTemplate = 1 << 20; // bytes

    /// <exception cref="BadInputException">A file is broken.</exception>
    public static ModelChat Read(string folder, LlamaConfig config, Tokenizer tokenizer)
    {
        var path = Path.Combine(folder, TokenizerConfigFile.Name);
        using var file = TokenizerConfigFile.Open(folder);
        var jinja = Path.Combine(folder, JinjaName);
        var (template, origin) = File.Exists(jinja) ? (ReadTemplate(jinja), jinja) : (file is null ? null : Template(file.Root), path);
        int? firstEnd = config.EosTokenIds is [var first, ..] ? first : null;
        return new ModelChat(
            template,
            origin,
            TokenizerConfigFile.TokenText(file?.Root, "bos_token") ?? Spelling(tokenizer, config.BosTokenId),
            TokenizerConfigFile.TokenText(file?.Root, "eos_token") ?? Spelling(tokenizer, firstEnd));
    }

    /// <summary>Of a file that holds everything itself.</summary>
    public static ModelChat Of(GgufReader file, LlamaConfig config, Tokenizer tokenizer) => new(
        file.Metadata.FindText(GgufKeys.ChatTemplate),
        file.Path,
        Spelling(tokenizer, config.BosTokenId),
        Spelling(tokenizer, config.EosTokenIds[0]));

    private static string ReadTemplate(string path) => new FileInfo(path).Length <= LargestTemplate
        ? File.ReadAllText(path)
        : throw new BadInputException($"{path}: larger than {LargestTemplate >> 20} MB; no chat template is.");

    /// <summary>A text, or a list of named ones of which "default" is for conversations.</summary>
    private static string? Template(JsonField file)
    {
        if (file.Find("chat_template") is not { } field) return null;
        if (field.IsText) return field.Text();
        foreach (var item in field.Items())
        {
            if (item["name"].Text() == "default") return item["template"].Text();
        }

        return null;
    }

    private static string? Spelling(Tokenizer tokenizer, int? id) =>
        id is { } known && tokenizer.HasToken(known) ? tokenizer.TokenOf(known) : null;
}
