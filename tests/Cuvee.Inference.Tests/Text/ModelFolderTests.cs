using Cuvee.Formats;
using Cuvee.Inference.Tests.Engine;
using Cuvee.Inference.Tests.Tokenization;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Inference.Tests.Text;

/// <summary>What a folder's files say of texts: chat templates, and a vocabulary in <c>tokenizer.model</c>.</summary>
public sealed class ModelFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ModelFolderTests()
    {
        foreach (var file in (string[])["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"])
            File.Copy(Path.Combine(EngineFixture.Load("a").Folder, file), PathOf(file));
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("""{"chat_template": "one"}""", "one")]
    [InlineData("""{"chat_template": [{"name": "tool_use", "template": "two"}, {"name": "default", "template": "one"}]}""", "one")]
    [InlineData("""{"chat_template": [{"name": "tool_use", "template": "two"}]}""", null)]
    [InlineData("{}", null)]
    public void Chat_TokenizerConfig_GivesTheDefaultTemplate(string config, string? expected)
    {
        File.WriteAllText(PathOf("tokenizer_config.json"), config);

        var chat = ModelFolder.Open(folder.Path).Chat;

        Assert.Equal(new ModelChat(expected, PathOf("tokenizer_config.json"), "<s>", "</s>"), chat); // by the ids of config.json
    }

    [Fact]
    public void Chat_JinjaFileBeside_Wins()
    {
        File.WriteAllText(
            PathOf("tokenizer_config.json"), """{"chat_template": "one", "bos_token": {"content": "<b>"}, "eos_token": "<e>"}""");
        File.WriteAllText(PathOf("chat_template.jinja"), "two");

        Assert.Equal(new ModelChat("two", PathOf("chat_template.jinja"), "<b>", "<e>"), ModelFolder.Open(folder.Path).Chat);
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"chat_template": [{"name": "default"}]}""", "'chat_template[0].template'")]
    [InlineData("tokenizer_config.json", """{"chat_template": 3}""", "'chat_template'")]
    [InlineData("chat_template.jinja", null, "larger than 1 MB; no chat template is.")]
    public void Chat_BrokenFile_IsNamed(string file, string? content, string expected)
    {
        File.WriteAllText(PathOf(file), content ?? new string('x', (1 << 20) + 1));

        var error = Assert.Throws<BadInputException>(() => ModelFolder.Open(folder.Path).Chat);

        Assert.StartsWith(PathOf(file), error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GenerateAsync_SentencePieceModel_KeepsTheAnswersLeadingSpace()
    {
        File.Delete(PathOf("tokenizer.json"));
        var pieces = new SentencePieceBytes().Piece("<unk>", 0, SentencePieceBytes.Unknown).Piece("<s>", 0, SentencePieceBytes.Control);
        for (var id = 2; id < 300; id++) pieces.Piece($"\u2581w{id}", 0, SentencePieceBytes.UserDefined);
        await File.WriteAllBytesAsync(PathOf("tokenizer.model"), pieces.Trainer().Normalizer(prefix: false).ToArray());
        using var model = ModelFolder.Open(folder.Path).Load(threads: 1);

        var answers = await model.GenerateAsync([" w7 w8 w9"], new GenerationOptions { MaxTokens = 4 }, CancellationToken.None);

        Assert.Matches("^( w[0-9]+){1,4}$", answers[0].Text);
    }

    [Fact]
    public void Files_Folder_AreThoseOfTheKindsThatAreRead()
    {
        File.WriteAllText(PathOf("README.md"), "");
        File.WriteAllText(PathOf("chat_template.jinja"), "");
        Assert.Equal(
            ((string[])["chat_template.jinja", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"])
                .Select(PathOf),
            ModelFolder.Open(folder.Path).Files);
    }

    [Fact]
    public void Files_Gguf_AreTheFileAndTheTokenizerThatItDoesNotHold()
    {
        var file = PathOf("model.gguf");
        ModelFolder.Open(folder.Path).ExportGguf(file, StorageFormat.F32, _ => { });
        Assert.Equal([file], ModelFolder.Open(file).Files);
        GgufFixtures.Write(EngineFixture.Load("a"), file, StorageFormat.F32);
        Assert.Equal([file, PathOf("tokenizer.json")], ModelFolder.Open(file).Files);
    }

    [Fact]
    public async Task ScoreAsync_CompletionOfNoToken_IsNamed()
    {
        File.Delete(PathOf("tokenizer.json"));
        await File.WriteAllBytesAsync(
            PathOf("tokenizer.model"), SentencePieceBytes.Tiny().Trainer().Normalizer(removesSpaces: true).ToArray());
        var rules = TextRules.Plain with { CompletionEnd = TextRules.NoEnd };
        using var model = ModelFolder.Open(folder.Path).Load(threads: 1, rules);

        var error = await Assert.ThrowsAsync<LanguageModelException>(
            () => model.ScoreAsync([new PromptCompletion("r7", "ab", "a"), new PromptCompletion("r8", "ab", " ")], CancellationToken.None));

        Assert.StartsWith("Record 'r8' has a completion of which the tokenizer makes no token", error.Message, StringComparison.Ordinal);
    }

    private string PathOf(string file) => Path.Combine(folder.Path, file);
}
