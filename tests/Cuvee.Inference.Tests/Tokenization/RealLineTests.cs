using System.Text.Json;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Inference.Tests.Tokenization;

/// <summary>20,000 seeded lines on real vocabularies, against Hugging Face's own implementation (<c>lines.mjs</c>).</summary>
public class RealLineTests
{
    [VocabularyTheory]
    [InlineData("deepseek_v3")]
    [InlineData("gemma3")]
    [InlineData("internlm2")]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("llama3_2")]
    [InlineData("mistral_nemo")]
    [InlineData("qwen2_5")]
    [InlineData("qwen3")]
    [InlineData("yi")]
    public void EncodeAndDecode_TwentyThousandLines_EqualHuggingFace(string family) =>
        RealLines.AssertEqual(Tokenizer.Load(TokenizerFixtures.VocabularyPath(family)!), family);

    [VocabularyTheory]
    [InlineData("gemma3")]
    [InlineData("internlm2")]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("qwen2_5")]
    [InlineData("yi")]
    public void EncodeContinuation_BehindAPrompt_EqualsJointEncoding(string family)
    {
        var tokenizer = Tokenizer.Load(TokenizerFixtures.VocabularyPath(family)!);
        (string Prompt, string Completion)[] pairs =
        [
            ("Question: what grows on a vine?\nAnswer:", " grapes; and leaves"), ("Answer:\n", "grapes"), ("(", "1) 北京"), ("a", " 🍷 b"),
        ];
        foreach (var (prompt, completion) in pairs)
        {
            var continuation = tokenizer.EncodeContinuation(completion);
            Assert.Equal(
                tokenizer.Encode(prompt + completion, addSpecialTokens: true), [.. tokenizer.EncodePrompt(prompt), .. continuation]);
            Assert.Equal(completion, tokenizer.DecodeContinuation(continuation));
        }
    }
}

/// <summary>The lines and what Hugging Face's implementation makes of them with a family's vocabulary.</summary>
internal static class RealLines
{
    public static void AssertEqual(Tokenizer tokenizer, string family)
    {
        var count = 0;
        var differences = new List<string>();
        foreach (var line in File.ReadLines(Path.Combine(Path.GetDirectoryName(TokenizerFixtures.VocabularyPath(family))!, "lines.jsonl")))
        {
            using var json = JsonDocument.Parse(line);
            var text = Text(json.RootElement.GetProperty("text"));
            int[] ids = [.. json.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            var decoded = Text(json.RootElement.GetProperty("decoded"));
            count++;
            var actual = tokenizer.Encode(text, addSpecialTokens: true);
            if (!actual.SequenceEqual(ids)) differences.Add($"{line}\n  ids  {string.Join(',', actual)}");
            var actualText = tokenizer.Decode(ids);
            if (actualText != decoded) differences.Add($"{line}\n  text {JsonSerializer.Serialize(actualText)}");
        }

        Assert.Equal(20_000, count);
        Assert.True(differences.Count == 0, $"{differences.Count} differences:\n{string.Join('\n', differences.Take(5))}");
    }

    /// <summary>JSON may spell lone surrogates, which the reader refuses to turn into text.</summary>
    private static string Text(JsonElement element)
    {
        var raw = element.GetRawText();
        return raw.Contains("\\ud", StringComparison.Ordinal) ? Unescape(raw[1..^1]) : element.GetString()!;
    }

    private static string Unescape(string raw)
    {
        var text = new System.Text.StringBuilder(raw.Length);
        for (var i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\')
            {
                text.Append(raw[i]);
                continue;
            }

            i++;
            text.Append(raw[i] switch
            {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\b',
                'f' => '\f',
                'u' => (char)Convert.ToUInt16(raw[(i + 1)..(i + 5)], 16),
                var other => other,
            });
            if (raw[i] == 'u') i += 4;
        }

        return text.ToString();
    }
}
