using Cuvee.Inference;
using Cuvee.LanguageModels;

namespace Cuvee.Server.Engine;

/// <summary>What one request wants of the engine.</summary>
/// <param name="Recipe">The model that it asks.</param>
/// <param name="Tokens">Work, for bounding batches: sequences' tokens, those to be generated included.</param>
/// <param name="Cancellation">The request's.</param>
internal abstract record EngineJob(ServedRecipe Recipe, long Tokens, CancellationToken Cancellation)
{
    /// <summary>Whether both can be answered by one call of the engine.</summary>
    public abstract bool CanJoin(EngineJob other);

    public abstract void Fail(Exception exception);
}

internal sealed record ScoreJob(ServedRecipe Recipe, IReadOnlyList<TokenizedRecord> Records, CancellationToken Cancellation)
    : EngineJob(Recipe, Records.Sum(record => (long)record.Tokens.Length), Cancellation)
{
    public TaskCompletionSource<IReadOnlyList<float[]>> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override bool CanJoin(EngineJob other) => other is ScoreJob && other.Recipe.Key == Recipe.Key;

    public override void Fail(Exception exception) => Result.TrySetException(exception);
}

/// <param name="Sampling">Texts that stop are looked for by <paramref name="StopAfter"/>, never here.</param>
/// <param name="StopAfter">The prompt's position and its new token; true ends it. Called on several threads, in order for a prompt.</param>
internal sealed record GenerateJob(
    ServedRecipe Recipe, IReadOnlyList<TokenizedPrompt> Prompts, GenerationOptions Sampling, Func<int, int, bool> StopAfter,
    CancellationToken Cancellation)
    : EngineJob(Recipe, Prompts.Sum(prompt => (long)prompt.Tokens.Length + Sampling.MaxTokens), Cancellation)
{
    public TaskCompletionSource<IReadOnlyList<GeneratedTokens>> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override bool CanJoin(EngineJob other) =>
        other is GenerateJob job && job.Recipe.Key == Recipe.Key
        && (job.Sampling with { MaxTokens = 0 }) == (Sampling with { MaxTokens = 0 });

    public override void Fail(Exception exception) => Result.TrySetException(exception);
}
