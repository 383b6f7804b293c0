using Cuvee.Inference;

namespace Cuvee.Providers;

/// <summary>What a provider that speaks in token ids needs of the served model on this machine: configuration and tokenizer, no
/// weights. From the key <c>tokenizer</c>.</summary>
internal sealed class LocalModel
{
    /// <summary>What the program itself takes.</summary>
    public const long RuntimeBytes = 100_000_000;

    // What decides ids and templates; weights may lie beside them.
    private static readonly string[] Deciding = [".json", ".jinja", ".model", ".gguf"];

    private readonly string path;
    private ModelFolder? folder;

    public LocalModel(ProviderSettings settings) => path = Path.GetFullPath(Path.Combine(
        Path.GetDirectoryName(Path.GetFullPath(settings.File))!,
        settings.Model.RequiredText("tokenizer", "the folder of the served model's config.json and tokenizer.json, or its .gguf file")));

    public ModelFolder Folder => folder ??= ModelFolder.Open(path);

    public TextEncoder Encoder(TextRules rules) => new(Folder.Tokenizer, Folder.Config, rules);

    public void AddIdentity(IDictionary<string, string> inputs)
    {
        var files = Folder.IsGguf
            ? Folder.Files
            : Directory.GetFiles(path).Where(each => Deciding.Contains(Path.GetExtension(each)));
        foreach (var each in files) inputs.Add($"tokenizer/{Path.GetFileName(each)}", FileHash.Sha256(each));
    }
}
