using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cuvee.Data;
using Cuvee.Inference.Tokenization;

namespace Cuvee.FunctionalTests;

/// <summary><c>generate</c>, <c>evaluate</c> and <c>tokenize</c>.</summary>
public sealed class AnswerTests(ZooFixture zoo) : IClassFixture<ZooFixture>
{
    [Fact]
    public async Task Generate_Greedy_PrintsTheCompletionOnly()
    {
        string[] arguments = ["generate", "--model", zoo.Model, "--prompt", "red soup 3", "--max-tokens", "5"];
        var plain = await CuveeRun.InProcessAsync(arguments);
        var json = (await CuveeRun.InProcessAsync([.. arguments, "--json"])).Result;
        Assert.Equal((0, ""), (plain.Code, plain.Error));
        Assert.Equal(json["completion"]!.GetValue<string>() + Environment.NewLine, plain.Output);
        Assert.InRange(json["tokens"]!.GetValue<int>(), 1, 5);
    }

    [Fact]
    public async Task Generate_PromptThatStartsWithAt_IsText()
    {
        var run = await CuveeRun.InProcessAsync("generate", "--model", zoo.Model, "--prompt", "@red", "--max-tokens", "2");
        Assert.Equal((0, ""), (run.Code, run.Error));
    }

    [Fact]
    public async Task Generate_Sampled_SeedDecides()
    {
        async Task<string> SampleAsync(int seed) => (await CuveeRun.InProcessAsync(
            "generate", "--model", zoo.Model, "--adapter", Path.Combine(zoo.Pool, "adapter-a"), "--prompt", "lamp", "--max-tokens", "12",
            "--temperature", "1.5", "--seed", $"{seed}")).Output;
        Assert.Equal(await SampleAsync(1), await SampleAsync(1));
        Assert.NotEqual(await SampleAsync(1), await SampleAsync(2));
    }

    [Fact]
    public async Task Evaluate_ExactMatch_IsTheShareOfEqualAnswers()
    {
        // The model's own greedy answers as the expected ones of every second record.
        var (answersFile, data) = (zoo.NewPath(), zoo.NewPath());
        await CuveeRun.InProcessAsync(
            "evaluate", "--model", zoo.Model, "--data", zoo.Data, "--metric", "exact-match", "--max-tokens", "4", "--answers", answersFile);
        var answers = await ReadAnswersAsync(answersFile);
        var records = RecordFile.Read(zoo.Data);
        Assert.All(answers, answer => Assert.NotEqual("", answer));
        RecordFile.Write(data, records.Select((record, i) => i % 2 == 0 ? record with { Completion = answers[i] } : record));

        var result = (await CuveeRun.InProcessAsync(
            "evaluate", "--model", zoo.Model, "--data", data, "--metric", "exact-match", "--max-tokens", "4", "--json")).Result;
        Assert.Equal(["metric", "value", "records", "interval"], ZooFixture.Keys(result));
        Assert.Equal(0.5, result["value"]!.GetValue<double>(), 1e-12);
        Assert.Equal(24, result["records"]!.GetValue<int>());
        Assert.InRange(result["interval"]![0]!.GetValue<double>(), 0.2, 0.49);
        Assert.InRange(result["interval"]![1]!.GetValue<double>(), 0.51, 0.8);
    }

    [Fact]
    public async Task Evaluate_IeF1_HasPrecisionAndRecall()
    {
        var (answersFile, data) = (zoo.NewPath(), zoo.NewPath());
        string[] model = ["--model", zoo.Model, "--pool", zoo.Pool, "--recipe", zoo.Recipe("delta"), "--max-tokens", "4"];
        await CuveeRun.InProcessAsync(["evaluate", .. model, "--data", zoo.Data, "--metric", "exact-match", "--answers", answersFile]);
        var answers = await ReadAnswersAsync(answersFile);
        // Two items expected, the answer one of them: recall is half of precision.
        RecordFile.Write(data, RecordFile.Read(zoo.Data).Select((record, i) => record with { Completion = $"{answers[i]}; another item" }));

        var result = (await CuveeRun.InProcessAsync(["evaluate", .. model, "--data", data, "--metric", "ie-f1", "--json"])).Result;
        Assert.Equal(["metric", "precision", "recall", "f1", "records", "interval"], ZooFixture.Keys(result));
        var (precision, recall) = (result["precision"]!.GetValue<double>(), result["recall"]!.GetValue<double>());
        Assert.Equal(1, precision, 1e-12);
        Assert.InRange(recall, 0.4, 0.6); // an answer may hold a ";" itself
        Assert.Equal(2 * precision * recall / (precision + recall), result["f1"]!.GetValue<double>(), 1e-12);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tokenize_Text_GivesIdsAndSpellings(bool special)
    {
        var tokenizer = Tokenizer.Load(Path.Combine(zoo.Model, "tokenizer.json"));
        var result = (await CuveeRun.InProcessAsync(
            ["tokenize", "--model", zoo.Model, "--text", "plum & river", "--json", .. special ? (string[])[] : ["--no-special"]])).Result;
        var expected = tokenizer.Encode("plum & river", special);
        Assert.Equal(["ids", "tokens"], ZooFixture.Keys(result));
        Assert.Equal(expected, result["ids"].Deserialize<int[]>());
        Assert.Equal(expected.Select(tokenizer.TokenOf), result["tokens"].Deserialize<string[]>());
    }

    [Fact]
    public async Task Tokenize_TemplateAndCompletion_AreWhatAModelSees()
    {
        var tokenizer = Tokenizer.Load(Path.Combine(zoo.Model, "tokenizer.json"));
        async Task<int[]> IdsAsync(params string[] options) =>
            (await CuveeRun.InProcessAsync(["tokenize", "--model", zoo.Model, .. options, "--json"])).Result["ids"].Deserialize<int[]>()!;

        Assert.Equal(
            tokenizer.Encode("<|begin_of_text|>[INST] red [/INST]", addSpecialTokens: false),
            await IdsAsync("--text", "red", "--template", "mistral"));
        Assert.Equal(
            (IEnumerable<int>)[.. tokenizer.Encode(" red", addSpecialTokens: false), 1], await IdsAsync("--text", " red", "--completion"));
        Assert.Equal(
            tokenizer.Encode(" red", addSpecialTokens: false),
            await IdsAsync("--text", " red", "--completion", "--completion-end", "none"));
    }

    [Fact]
    public async Task Generate_Template_AsksTheRenderedQuestion()
    {
        async Task<string> AnswerAsync(params string[] options) => (await CuveeRun.InProcessAsync(
            ["generate", "--model", zoo.Model, .. options, "--max-tokens", "8", "--json"])).Result["completion"]!.GetValue<string>();

        Assert.Equal(
            await AnswerAsync("--prompt", "<|begin_of_text|>[INST] red plum [/INST]"),
            await AnswerAsync("--prompt", "red plum", "--template", "mistral"));
    }

    [Fact]
    public async Task Tokenize_StandardInput_OneDocumentALine()
    {
        var tokenizer = Tokenizer.Load(Path.Combine(zoo.Model, "tokenizer.json"));
        string[] documents = ["red soup", "", "blüe\r", "no line feed at the end"];
        var run = await CuveeRun.InOwnProcessAsync(
            Encoding.UTF8.GetBytes(string.Join('\n', documents)), "tokenize", "--model", zoo.Model, "--json");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(
            documents.Select(document => tokenizer.Encode(document, addSpecialTokens: true)),
            run.Json.Select(line => line["ids"].Deserialize<int[]>()!));
    }

    [Fact]
    public async Task Tokenize_BrokenUtf8_NamesTheLine()
    {
        byte[] input = [(byte)'a', (byte)'\n', 0xC3, 0x28, (byte)'\n']; // 0xC3 begins a character of two bytes, 0x28 does not end it
        var run = await CuveeRun.InOwnProcessAsync(input, "tokenize", "--model", zoo.Model, "--json");
        Assert.Equal(2, run.Code);
        Assert.StartsWith("standard input, line 2:", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    private static async Task<List<string>> ReadAnswersAsync(string file) =>
        [.. (await File.ReadAllLinesAsync(file)).Select(line => JsonNode.Parse(line)!["answer"]!.GetValue<string>())];
}
