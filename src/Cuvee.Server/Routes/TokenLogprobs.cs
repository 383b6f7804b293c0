using System.Text;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.LanguageModels;

namespace Cuvee.Server.Routes;

/// <summary>Log-probabilities of tokens in the forms that clients read; the first of a text has none.</summary>
internal static class TokenLogprobs
{
    /// <param name="kind">What a record is to the caller.</param>
    /// <exception cref="LanguageModelException">A score that JSON cannot hold.</exception>
    public static void RequireFinite(string kind, IReadOnlyList<TokenizedRecord> records, IReadOnlyList<float[]> scores)
    {
        for (var i = 0; i < records.Count; i++)
        {
            if (!scores[i].All(float.IsFinite))
            {
                throw new LanguageModelException(
                    $"The model gives {kind} '{records[i].Id}' no finite log-probability; choose smaller weights.");
            }
        }
    }

    /// <summary>The arrays of OpenAI's legacy completions, from token <paramref name="from"/> on; the only alternative shown is the token
    /// itself.</summary>
    /// <param name="scores">Of tokens 1 to the last, in nats.</param>
    public static object Legacy(Tokenizer tokenizer, IReadOnlyList<int> tokens, float[] scores, int from)
    {
        var spelled = tokens.Skip(from).Select(token => Spell(tokenizer, token)).ToList();
        float?[] values = [.. Enumerable.Range(from, tokens.Count - from).Select(i => i == 0 ? (float?)null : scores[i - 1])];
        var offsets = new List<int>();
        var offset = 0;
        foreach (var text in spelled)
        {
            offsets.Add(offset);
            offset += text.Length;
        }

        return new
        {
            Tokens = spelled,
            TokenLogprobs = values,
            TopLogprobs = spelled.Zip(
                values, (text, value) => value is { } logprob ? new Dictionary<string, float> { [text] = logprob } : null),
            TextOffset = offsets,
        };
    }

    /// <summary>vLLM's <c>prompt_logprobs</c>: null, then the token's id with its log-probability and spelling.</summary>
    public static IEnumerable<object?> OfPrompt(Tokenizer tokenizer, int[] prompt, float[] scores) =>
        prompt.Select((token, i) => i == 0 ? null : new Dictionary<string, object>
        {
            [$"{token}"] = new { Logprob = scores[i - 1], DecodedToken = Spell(tokenizer, token) },
        });

    /// <summary>Chat's list; alternatives are not told.</summary>
    /// <param name="scores">One a token, in nats.</param>
    public static IEnumerable<object> OfChat(Tokenizer tokenizer, IReadOnlyList<int> tokens, float[] scores) =>
        tokens.Zip(scores, (token, logprob) => (object)new
        {
            Token = Spell(tokenizer, token),
            Logprob = logprob,
            Bytes = Encoding.UTF8.GetBytes(Spell(tokenizer, token)).Select(each => (int)each),
            TopLogprobs = Array.Empty<object>(),
        });

    private static string Spell(Tokenizer tokenizer, int token) =>
        tokenizer.HasToken(token) ? tokenizer.Decode([token], skipSpecialTokens: false) : "";
}
