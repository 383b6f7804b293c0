using System.Text;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Chat;

namespace Cuvee.Tests.Data;

public sealed class RecordFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-records").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Read_JsonLines_DefaultsIdsToTheLine()
    {
        var path = Save("""
            {"prompt": "a", "completion": " b"}

            {"prompt": "c", "completion": " d", "id": "third"}
            {"completion": " f", "id": 17, "prompt": "e"}
            {"prompt": "g", "completion": " h"}
            """);

        Assert.Equal(
            [new("0", "a", " b"), new("third", "c", " d"), new("17", "e", " f"), new PromptCompletion("4", "g", " h")],
            RecordFile.Read(path));
    }

    [Fact]
    public void Read_Alpaca_JoinsInstructionInputAndHistory()
    {
        var path = Save("""
            [
              {"instruction": "name it", "input": "a red fruit", "output": "apple"},
              {"instruction": "and a green one?", "output": "pear", "input": "", "history": [["name it", "apple"], ["sure?", "yes"]]}
            ]
            """);

        Assert.Equal(
            [new("0", "name it\na red fruit", "apple"), new PromptCompletion("1", "name it\napple\nsure?\nyes\nand a green one?", "pear")],
            RecordFile.Read(path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_Messages_LastAssistantTurnIsTheCompletion(bool asArray)
    {
        const string Turns = """
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
              {"role": "user", "content": "c"}, {"role": "assistant", "content": " d"}], "id": "x"}
            """;
        var path = Save(asArray ? $"[{Turns}]" : Turns.ReplaceLineEndings(""));
        var chatMl = ChatTemplates.All.Single(template => template.Name == "chatml");

        Assert.True(RecordFile.HoldsConversations(path));
        Assert.Equal([new PromptCompletion("x", "s\na\nb\nc", " d")], RecordFile.Read(path));
        Assert.Equal(
            [new PromptCompletion(
                "x",
                "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n" +
                "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n",
                " d")],
            RecordFile.Read(path, chatMl));
    }

    [Fact]
    public void Read_PromptUnderATemplate_IsOneTurn()
    {
        var path = Save("""{"prompt": "a", "completion": "b"}""");
        var zephyr = ChatTemplates.All.Single(template => template.Name == "zephyr") with { EndOfText = "</s>" };

        Assert.False(RecordFile.HoldsConversations(path));
        Assert.Equal([new PromptCompletion("0", "<|user|>\na</s>\n<|assistant|>\n", "b")], RecordFile.Read(path, zephyr));
    }

    [Theory]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}]}""", "line 1: field \"messages\" must end with an assistant turn")]
    [InlineData(
        """{"messages": [{"role": "tool", "content": "a"}, {"role": "assistant", "content": "b"}]}""",
        "a turn of the role \"tool\"")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "text"}]}]}""", "'messages[0].content' is no text")]
    [InlineData("""{"messages": [{"content": "a"}]}""", "'messages[0].role' is missing")]
    [InlineData("""{"messages": "a"}""", "'messages'")]
    public void Read_MessagesThatCannotBeScored_AreNamed(string line, string expected) =>
        Assert.Contains(expected, Assert.Throws<BadInputException>(() => RecordFile.Read(Save(line))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_ByteOrderMarkAndCarriageReturns_AreIgnored()
    {
        var path = Path.Combine(folder, "windows.jsonl");
        File.WriteAllText(
            path, "{\"prompt\":\"a\",\"completion\":\"b\"}\r\n{\"prompt\":\"c\",\"completion\":\"d\"}\r\n",
            new UTF8Encoding(true));

        Assert.Equal(["a", "c"], RecordFile.Read(path).Select(r => r.Prompt));
    }

    [Theory]
    [InlineData("""{"prompt": "a", "completion": " b", "source": "mine", "tags": [1, {"x": null}]}""")]
    [InlineData("""[{"instruction": "a", "output": " b", "system": "s", "score": 0.5}]""")]
    public void Read_FurtherColumns_AreTheUsersOwn(string text)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            Assert.Equal(("a", " b"), Assert.Single(RecordFile.Read(path)) is { } record ? (record.Prompt, record.Completion) : default);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("""{"prompt": "a"}""", "line 1", "'completion' is missing")]
    [InlineData("""{"prompt": "a", "completion": ""}""", "line 1", "'completion' is empty")]
    [InlineData("""{"prompt": "", "completion": "b"}""", "line 1", "'prompt' is empty")]
    [InlineData("""{"prompt": 3, "completion": "b"}""", "line 1", "'prompt' is 3, not a string")]
    [InlineData("""{"prompt": "a", "answer": "c"}""", "line 1",
        "'completion' is missing; add it (the record has \"prompt\", \"answer\")")]
    [InlineData("""{"instruction": "a", "input": "", "output": "b"}""", "line 1",
        "'prompt' is missing; records of instruction, input and output (alpaca) belong in one JSON array, [...].")]
    [InlineData("""{"prompt": "a", "completion": "b", "id": ""}""", "line 1", "'id' is empty")]
    [InlineData("""{"prompt": "a", "completion": "b", "id": 1.5}""", "line 1", "'id' is 1.5, not a string")]
    [InlineData("""{"prompt": "\ud800", "completion": "b"}""", "line 1", "'prompt' is not valid Unicode")]
    [InlineData(
        "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"a\", \"completion\": \"b\", \"id\": \"0\"}",
        "line 2", "\"id\" repeats \"0\" of line 1")]
    [InlineData("{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"a\", ", "line 2", "not valid JSON")]
    [InlineData("""{"prompt": "a", "prompt": "b", "completion": "c"}""", "line 1", "not valid JSON")]
    [InlineData("\"a\"", "line 1", "is \"a\", not a JSON object")]
    [InlineData("", "records", "holds no record")]
    [InlineData(" \n\n", "records", "holds no record")]
    [InlineData("[]", "records", "holds no record")]
    [InlineData("[\n{\"instruction\": \"a\", \"output\": \"b\"},\n{\"instruction\": \"a\"}]", "line 3", "'output' is missing")]
    [InlineData(
        "[{\"instruction\": \"a\", \"output\": \"b\", \"history\": [[\"a\"]]}]",
        "line 1", "'history[0]' must be a [question, answer] pair")]
    [InlineData("[{\"instruction\": \"a\", \"output\": \"b\"}", "line 1", "not a valid JSON array")]
    [InlineData("[3]", "line 1", "is 3, not a JSON object")]
    public void Read_BadContent_NamesFileLineAndField(string content, string where, string what)
    {
        var path = Save(content);

        var exception = Assert.Throws<BadInputException>(() => RecordFile.Read(path));

        Assert.StartsWith(path, exception.Message, StringComparison.Ordinal);
        Assert.Contains(where, exception.Message, StringComparison.Ordinal);
        Assert.Contains(what, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Fact]
    public void Read_TextAfterTheArray_Throws()
    {
        var path = Save("[{\"instruction\": \"a\", \"output\": \"b\"}] {}");

        Assert.Throws<BadInputException>(() => RecordFile.Read(path));
    }

    [Fact]
    public void Read_NotUtf8_Throws()
    {
        var path = Path.Combine(folder, "latin1.jsonl");
        File.WriteAllBytes(path, [.. "{\"prompt\":\"caf"u8, 0xE9, .. "\",\"completion\":\"b\"}"u8]);

        Assert.Contains("UTF-8", Assert.Throws<BadInputException>(() => RecordFile.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MissingFile_Throws()
    {
        var path = Path.Combine(folder, "missing.jsonl");

        Assert.StartsWith(path, Assert.Throws<BadInputException>(() => RecordFile.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_ThenRead_GivesTheSameRecords()
    {
        PromptCompletion[] records = [new("x-0", "line\nbreak \"quoted\"", " é; 😀 <b>"), new("x-1", "\u0000\\", "\t")];
        var path = Path.Combine(folder, "new", "out.jsonl");

        RecordFile.Write(path, records);

        Assert.Equal(records, RecordFile.Read(path));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        Assert.StartsWith(
            """{"id":"x-0","prompt":"line\nbreak \"quoted\"","completion":" é; """,
            File.ReadAllText(path), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_SourceFails_LeavesTheOldFile()
    {
        var path = Save("old");

        Assert.Throws<InvalidOperationException>(() => RecordFile.Write(path, Failing()));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder));

        static IEnumerable<PromptCompletion> Failing()
        {
            yield return new PromptCompletion("0", "a", "b");
            throw new InvalidOperationException("stopped half-way");
        }
    }

    private string Save(string content)
    {
        var path = Path.Combine(folder, "records.jsonl");
        File.WriteAllText(path, content);
        return path;
    }
}
