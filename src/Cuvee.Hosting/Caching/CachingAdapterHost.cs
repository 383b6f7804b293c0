using System.Text.Json;
using Cuvee.LanguageModels;
using Cuvee.Merging;

namespace Cuvee.Hosting.Caching;

/// <summary>
/// Answers from a cache what was ever asked of the same recipe; a recipe that is asked nothing new is never realised. Put it inside
/// whatever counts queries: a budget buys the same search with a full cache as with an empty one.
/// </summary>
public sealed class CachingAdapterHost(IAdapterHost inner, AnswerCache cache) : IAdapterHost
{
    public IReadOnlyList<string> AdapterNames => inner.AdapterNames;

    public IReadOnlySet<MergeSpace> MergeSpaces => inner.MergeSpaces;

    public int MaxConcurrentLeases => inner.MaxConcurrentLeases;

    public void Expect(IReadOnlyList<MergeRecipe> recipes) => inner.Expect(recipes);

    public ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IModelLease>(new CachingLease(inner, recipe, cache));

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}

internal sealed class CachingLease(IAdapterHost host, MergeRecipe recipe, AnswerCache cache) : IModelLease, ILanguageModel
{
    private readonly string key = RecipeKey.Of(recipe);
    private readonly SemaphoreSlim gate = new(1, 1);
    private IModelLease? lease;

    public ILanguageModel Model => this;

    /// <summary>Of the realised model; asked before, nothing is known of the context.</summary>
    public LanguageModelCapabilities Capabilities => lease?.Model.Capabilities ?? new(true, true, true, null);

    public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken) =>
        AnswerAsync(
            records,
            record => JsonSerializer.Serialize((string[])["score", record.Prompt, record.Completion]),
            answer => new ScoredCompletion(answer.Logprob!.Value, answer.Tokens, answer.PromptTokens, answer.TokenLogprobs),
            score => new CachedAnswer
            {
                Logprob = score.LogProbability,
                Tokens = score.Tokens,
                PromptTokens = score.PromptTokens,
                TokenLogprobs = score.TokenLogProbabilities,
            },
            (model, missing) => model.ScoreAsync(missing, cancellationToken),
            partial => partial.Scores,
            (partial, scores) => new PartialAnswersException(partial.Message, partial.Lost, partial) { Scores = scores },
            cancellationToken);

    public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) => AnswerAsync(
            prompts,
            prompt => JsonSerializer.Serialize((string[])["generate", JsonSerializer.Serialize(options), prompt]),
            answer => new GeneratedCompletion(answer.Text!, answer.Tokens, answer.Stop!.Value, answer.PromptTokens),
            completion => new CachedAnswer
            {
                Text = completion.Text,
                Tokens = completion.Tokens,
                PromptTokens = completion.PromptTokens,
                Stop = completion.StopReason,
            },
            (model, missing) => model.GenerateAsync(missing, options, cancellationToken),
            partial => partial.Answers,
            (partial, answers) => new PartialAnswersException(partial.Message, partial.Lost, partial) { Answers = answers },
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (lease is not null) await lease.DisposeAsync().ConfigureAwait(false);
        gate.Dispose();
    }

    private async Task<IReadOnlyList<TAnswer>> AnswerAsync<TItem, TAnswer>(
        IReadOnlyList<TItem> items,
        Func<TItem, string> question,
        Func<CachedAnswer, TAnswer> read,
        Func<TAnswer, CachedAnswer> write,
        Func<ILanguageModel, IReadOnlyList<TItem>, Task<IReadOnlyList<TAnswer>>> ask,
        Func<PartialAnswersException, IReadOnlyDictionary<int, TAnswer>> answered,
        Func<PartialAnswersException, IReadOnlyDictionary<int, TAnswer>, PartialAnswersException> partial,
        CancellationToken cancellationToken)
    {
        string[] questions = [.. items.Select(question)];
        var answers = new Dictionary<int, TAnswer>();
        for (var i = 0; i < questions.Length; i++)
        {
            if (cache.Find(key, questions[i]) is { } known) answers[i] = read(known);
        }

        int[] missing = [.. Enumerable.Range(0, items.Count).Where(i => !answers.ContainsKey(i))];
        void Keep(int position, TAnswer answer)
        {
            answers[missing[position]] = answer;
            cache.Add(key, questions[missing[position]], write(answer));
        }

        if (missing.Length > 0)
        {
            var model = await RealizeAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                var fresh = await ask(model, [.. missing.Select(i => items[i])]).ConfigureAwait(false);
                for (var i = 0; i < fresh.Count; i++) Keep(i, fresh[i]);
            }
            catch (PartialAnswersException exception)
            {
                foreach (var (position, answer) in answered(exception)) Keep(position, answer);
                throw partial(exception, answers);
            }
        }

        return [.. Enumerable.Range(0, items.Count).Select(i => answers[i])];
    }

    private async Task<ILanguageModel> RealizeAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            lease ??= await host.RealizeAsync(recipe, cancellationToken).ConfigureAwait(false);
            return lease.Model;
        }
        finally
        {
            gate.Release();
        }
    }
}
