namespace Cuvee.LanguageModels.Http;

/// <summary>
/// Asks about every item of a sample, some at the same time. After a failure nothing more is sent; what was sent is waited for, so that
/// nothing that was answered is lost.
/// </summary>
public static class SampleRequests
{
    /// <param name="ask">By position in the sample.</param>
    /// <param name="slots">Requests at the same time, at most.</param>
    /// <exception cref="PartialAnswersException">A request failed after others were answered or billed.</exception>
    public static Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        int count, int slots, Func<int, Task<ScoredCompletion>> ask, CancellationToken cancellationToken) => ScoreAsync(
            count, 1, slots, async range => [await ask(range.Start.Value).ConfigureAwait(false)], cancellationToken);

    /// <summary>The same for routes that take several records.</summary>
    /// <param name="most">Items of a request.</param>
    /// <param name="ask">By positions in the sample.</param>
    public static Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
        int count, int most, int slots, Func<Range, Task<IReadOnlyList<ScoredCompletion>>> ask, CancellationToken cancellationToken) =>
        AllAsync(
            count, most, slots, ask,
            (message, lost, answers, inner) => new PartialAnswersException(message, lost, inner) { Scores = answers },
            cancellationToken);

    /// <param name="ask">By position in the sample.</param>
    /// <param name="slots">Requests at the same time, at most.</param>
    /// <exception cref="PartialAnswersException">A request failed after others were answered or billed.</exception>
    public static Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
        int count, int slots, Func<int, Task<GeneratedCompletion>> ask, CancellationToken cancellationToken) =>
        AllAsync<GeneratedCompletion>(
            count, 1, slots, async range => [await ask(range.Start.Value).ConfigureAwait(false)],
            (message, lost, answers, inner) => new PartialAnswersException(message, lost, inner) { Answers = answers },
            cancellationToken);

    private static async Task<IReadOnlyList<T>> AllAsync<T>(
        int count, int most, int slots, Func<Range, Task<IReadOnlyList<T>>> ask,
        Func<string, int, IReadOnlyDictionary<int, T>, Exception, PartialAnswersException> partial, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ask);
        var answers = new Dictionary<int, T>();
        var gate = new Lock();
        Exception? first = null;
        var (next, lost) = (-1, 0);
        var requests = (count + most - 1) / most;

        async Task WorkAsync()
        {
            while (Volatile.Read(ref first) is null && Interlocked.Increment(ref next) is var i && i < requests)
            {
                var range = (i * most)..Math.Min(count, (i + 1) * most);
                try
                {
                    var part = await ask(range).ConfigureAwait(false);
                    lock (gate)
                    {
                        for (var k = 0; k < part.Count; k++) answers.Add(range.Start.Value + k, part[k]);
                    }
                }
                catch (Exception exception) when (exception is LanguageModelException or OperationCanceledException)
                {
                    if (exception is ServiceException { Billed: var billed })
                        Interlocked.Add(ref lost, billed * (range.End.Value - range.Start.Value));
                    Interlocked.CompareExchange(ref first, exception, null);
                    return;
                }
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        await Task.WhenAll(Enumerable.Range(0, Math.Min(slots, requests)).Select(_ => WorkAsync())).ConfigureAwait(false);
        if (first is null) return [.. answers.OrderBy(pair => pair.Key).Select(pair => pair.Value)];
        if (answers.Count + lost == 0) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        throw partial(first.Message, lost, answers, first);
    }
}
