using System.Text.Json;
using Cuvee.Inference.Tests.Tokenization;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Chat;

namespace Cuvee.Inference.Tests.Text;

/// <summary>
/// <c>tests/fixtures/chat/generate.mjs</c> makes the expectations with Hugging Face's own Jinja: the prompt as it would be for generating,
/// and the whole conversation.
/// </summary>
public class ChatTemplateTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "fixtures", "chat");

    [Theory]
    [InlineData("zephyr.jinja", "zephyr")]
    [InlineData("mistral-first.jinja", "mistral")]
    [InlineData("mistral-without-system.jinja", "mistral")]
    [InlineData("chatml-default-system.jinja", "chatml")]
    [InlineData("gemma-without-system.jinja", "gemma")]
    public void Render_RecognisedTemplate_EqualsJinja(string file, string name)
    {
        using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "expected.json")));
        AssertEqual(File.ReadAllText(Path.Combine(Folder, file)), name, "<s>", "</s>", expected.RootElement.GetProperty(file));
    }

    [VocabularyTheory]
    [InlineData("llama3", "llama3")]
    [InlineData("llama3_2", "llama3")]
    [InlineData("qwen2_5", "chatml")]
    [InlineData("qwen3", "chatml")]
    [InlineData("gemma3", "gemma")]
    [InlineData("internlm2", "chatml")]
    [InlineData("mistral_nemo", "mistral")]
    public void Render_RealTemplate_EqualsJinja(string family, string name)
    {
        var path = Path.Combine(Path.GetDirectoryName(TokenizerFixtures.VocabularyPath(family))!, "chats.json");
        using var chats = JsonDocument.Parse(File.ReadAllBytes(path));
        string? Token(string key) => chats.RootElement.TryGetProperty(key, out var token) ? token.GetString() : null;
        AssertEqual(
            chats.RootElement.GetProperty("template").GetString()!, name, Token("bos_token"), Token("eos_token"),
            chats.RootElement.GetProperty("cases"));
    }

    [Theory]
    [InlineData("{% for m in messages %}{{ '<|User|>' + m.content }}{% endfor %}")]
    [InlineData("{{ '[INST] <<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' }}{{ message.content + eos_token }}")]
    [InlineData("{{ '<|user|>\n' + message.content + '<|end|>\n' }}{{ '<|assistant|>' }}{{ eos_token }}")]
    [InlineData("{{ '### Instruction:\n' + message.content + '\n\n### Response:\n' }}")]
    public void Recognise_OtherFamily_IsNull(string jinja) => Assert.Null(ChatTemplates.Recognise(jinja));

    [VocabularyTheory]
    [InlineData("deepseek_v3")]
    public void Recognise_RealTemplateOfNoFamily_IsNull(string family)
    {
        var path = Path.Combine(Path.GetDirectoryName(TokenizerFixtures.VocabularyPath(family))!, "chats.json");
        using var chats = JsonDocument.Parse(File.ReadAllBytes(path));
        Assert.Null(ChatTemplates.Recognise(chats.RootElement.GetProperty("template").GetString()!));
    }

    [Fact]
    public void Render_Alpaca_HasItsHeadings()
    {
        var alpaca = ChatTemplates.All.Single(template => template.Name == "alpaca");

        var (prompt, completion) = alpaca.Render([new("user", "Add 1 and 2."), new("assistant", "3")]);

        Assert.Equal(
            "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n" +
            "### Instruction:\nAdd 1 and 2.\n\n### Response:\n",
            prompt);
        Assert.Equal("3", completion);
        Assert.False(alpaca.WritesSpecialTokens);
    }

    [Theory]
    [InlineData("user", "user")]
    [InlineData("assistant")]
    [InlineData("tool", "assistant")]
    [InlineData("user", "system", "assistant")]
    public void Render_RolesOutOfPlace_AreRefused(params string[] roles) =>
        Assert.Throws<ArgumentException>(() => ChatTemplates.None.Render([.. roles.Select(role => new ChatMessage(role, "text"))]));

    [Theory]
    [InlineData(null, false, "none")]
    [InlineData(null, true, "zephyr")]
    [InlineData("auto", false, "zephyr")]
    [InlineData("none", true, "none")]
    [InlineData("chatml", false, "chatml")]
    public void Choose_NameAndRecords_GiveTheTemplate(string? setting, bool holdsConversations, string expected)
    {
        var chat = new ModelChat(File.ReadAllText(Path.Combine(Folder, "zephyr.jinja")), "there", null, "</s>");

        Assert.Equal(expected, TextRules.Choose(setting, TextRules.Auto, holdsConversations, chat).Template.Name);
    }

    [Theory]
    [InlineData(null, "names no chat template (there)")]
    [InlineData("{{ nothing }}", "is none that Cuvee knows")]
    public void Choose_AutoWithoutAnyKnown_NamesTheMend(string? jinja, string expected)
    {
        var exception = Assert.Throws<ArgumentException>(
            () => TextRules.Choose("auto", TextRules.Auto, false, new ModelChat(jinja, "there", null, null)));

        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.Contains("name one of none, llama3, chatml", exception.Message, StringComparison.Ordinal);
    }

    private static void AssertEqual(string jinja, string name, string? begin, string? end, JsonElement cases)
    {
        var recognised = ChatTemplates.Recognise(jinja);
        Assert.Equal(name, recognised?.Name);
        var template = recognised! with { BeginOfText = begin, EndOfText = end };
        var compared = 0;
        foreach (var each in cases.EnumerateArray())
        {
            ChatMessage[] messages = [.. each.GetProperty("messages").EnumerateArray().Select(turn =>
                new ChatMessage(turn.GetProperty("role").GetString()!, turn.GetProperty("content").GetString()!))];
            if (each.GetProperty("prompt").GetString() is not { } wanted)
            {
                Assert.Throws<ArgumentException>(() => template.Render(messages));
                continue;
            }

            var (prompt, completion) = template.Render(messages);
            var hasThought = messages[^1].Content.Contains("</think>", StringComparison.Ordinal);
            if (!hasThought) Assert.Equal(wanted, prompt);
            var whole = each.GetProperty("whole").GetString()!;
            if (whole.StartsWith(prompt, StringComparison.Ordinal)) // not where a version forgets the system turn behind the last question
            {
                Assert.StartsWith(prompt + completion + (template.EndOfTurn ?? end), whole, StringComparison.Ordinal);
                compared++;
            }
        }

        Assert.InRange(compared, 4, int.MaxValue);
    }
}
