using Cuvee.Inference;

namespace Cuvee.Server.Routes;

/// <summary>What every part of an answer repeats.</summary>
/// <param name="Created">Unix time in seconds.</param>
internal sealed record CompletionHead(string Id, string Object, long Created, string Model);

/// <summary>The event of a stream that counts tokens.</summary>
internal sealed record UsageChunk(string Id, string Object, long Created, string Model, IReadOnlyList<object> Choices, Usage Usage)
{
    public static UsageChunk Of(CompletionHead head, Usage usage) => new(head.Id, head.Object, head.Created, head.Model, [], usage);
}

/// <summary>OpenAI's account of a request.</summary>
internal sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens)
{
    public static Usage Of(IReadOnlyList<TokenizedPrompt> prompts, IReadOnlyList<Answer> answers)
    {
        var (asked, answered) = (prompts.Sum(prompt => prompt.Tokens.Length), answers.Sum(answer => answer.Tokens));
        return new Usage(asked, answered, asked + answered);
    }
}
