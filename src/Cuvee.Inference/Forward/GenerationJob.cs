using Cuvee.LanguageModels;

namespace Cuvee.Inference.Forward;

/// <summary>One generation call, shared by the threads that take prompts from it.</summary>
internal sealed class GenerationJob(
    IReadOnlyList<TokenizedPrompt> prompts, GenerationOptions options, Func<int, IReadOnlyList<int>, bool>? stopAfter, int workers)
{
    private int taken = -1;

    public IReadOnlyList<TokenizedPrompt> Prompts => prompts;

    public GenerationOptions Options => options;

    /// <summary>Prompt's position and its tokens so far; true ends it.</summary>
    public Func<int, IReadOnlyList<int>, bool>? StopAfter => stopAfter;

    public int Workers => workers;

    public bool TryTake(out int index)
    {
        index = Interlocked.Increment(ref taken);
        return index < prompts.Count;
    }
}
