using System.Threading.Channels;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Routes;

/// <summary>Answers of one request while the engine writes them.</summary>
internal sealed class AnswerWriter(ServedPool served, EngineScheduler engine)
{
    /// <param name="stop">Texts that end an answer.</param>
    /// <param name="closing">Tokens that end it beside the model's own.</param>
    /// <param name="settled">Gets each prompt's position and the text that is new and final; null where nobody streams.</param>
    public async Task<IReadOnlyList<Answer>> WriteAsync(
        ServedRecipe recipe, IReadOnlyList<TokenizedPrompt> prompts, GenerationOptions sampling, IReadOnlyList<string> stop,
        IReadOnlyList<int> closing, ChannelWriter<(int Prompt, string Text)>? settled, CancellationToken cancellationToken)
    {
        var texts = prompts.Select(_ => new AnswerText(served.Tokenizer, stop, closing)).ToList();
        bool StopAfter(int prompt, int token)
        {
            var ends = texts[prompt].Add(token);
            if (!ends && settled is not null && texts[prompt].TakeSettled() is { Length: > 0 } part) settled.TryWrite((prompt, part));
            return ends;
        }

        try
        {
            var generated = await engine.GenerateAsync(new GenerateJob(recipe, prompts, sampling, StopAfter, cancellationToken))
                .ConfigureAwait(false);
            for (var i = 0; settled is not null && i < texts.Count; i++)
            {
                if (texts[i].TakeRest() is { Length: > 0 } rest) settled.TryWrite((i, rest));
            }

            return [.. generated.Zip(texts, (each, text) => new Answer(text.Text, text.Tokens, each.Tokens.Count, each.StopReason))];
        }
        finally
        {
            settled?.Complete();
        }
    }
}

/// <param name="TextTokens">What <paramref name="Text"/> was read from, tokens behind a stop text included; no closing token.</param>
/// <param name="Tokens">Generated, closing token included.</param>
internal sealed record Answer(string Text, IReadOnlyList<int> TextTokens, int Tokens, StopReason Reason)
{
    /// <summary>OpenAI's word.</summary>
    public string FinishReason => Reason is StopReason.EndOfSequence or StopReason.StopText ? "stop" : "length";
}
