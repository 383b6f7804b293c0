using Cuvee.Inference;
using Cuvee.LanguageModels;

namespace Cuvee.Server.Engine;

/// <summary>Jobs of one recipe and one kind, answered by one call of the engine.</summary>
internal sealed class EngineBatch(IReadOnlyList<EngineJob> jobs)
{
    public ServedRecipe Recipe => jobs[0].Recipe;

    public int Jobs => jobs.Count;

    /// <summary>Answers every job. The call ends early when all of them are cancelled.</summary>
    public async Task RunAsync(EmbeddedModel model)
    {
        using var stop = new CancellationTokenSource();
        var wanted = jobs.Count;
        var registrations = jobs.Select(job => job.Cancellation.UnsafeRegister(_ =>
        {
            if (Interlocked.Decrement(ref wanted) == 0) stop.Cancel();
        }, null)).ToList();
        try
        {
            if (jobs[0] is ScoreJob) await ScoreAsync(model, [.. jobs.Cast<ScoreJob>()], stop.Token).ConfigureAwait(false);
            else await GenerateAsync(model, [.. jobs.Cast<GenerateJob>()], stop.Token).ConfigureAwait(false);
        }
        finally
        {
            foreach (var registration in registrations) await registration.DisposeAsync().ConfigureAwait(false);
        }
    }

    public void Fail(Exception exception)
    {
        foreach (var job in jobs) job.Fail(exception);
    }

    private static async Task ScoreAsync(EmbeddedModel model, List<ScoreJob> jobs, CancellationToken cancellationToken)
    {
        var scores = await model.ScoreTokensAsync([.. jobs.SelectMany(job => job.Records)], cancellationToken).ConfigureAwait(false);
        var first = 0;
        foreach (var job in jobs)
        {
            job.Result.TrySetResult([.. scores.Skip(first).Take(job.Records.Count)]);
            first += job.Records.Count;
        }
    }

    private static async Task GenerateAsync(EmbeddedModel model, List<GenerateJob> jobs, CancellationToken cancellationToken)
    {
        var places = jobs.SelectMany(job => job.Prompts.Select((_, prompt) => (Job: job, Prompt: prompt))).ToList();
        var stopped = new bool[places.Count]; // by the job, not by its limit
        bool StopAfter(int index, IReadOnlyList<int> tokens)
        {
            var (job, prompt) = places[index];
            stopped[index] = job.Cancellation.IsCancellationRequested || job.StopAfter(prompt, tokens[^1]);
            return stopped[index] || tokens.Count >= job.Sampling.MaxTokens;
        }

        var sampling = jobs[0].Sampling with { MaxTokens = jobs.Max(job => job.Sampling.MaxTokens) };
        var generated = await model.GenerateTokensAsync(
            [.. jobs.SelectMany(job => job.Prompts)], sampling, StopAfter, cancellationToken).ConfigureAwait(false);
        var results = generated.Select((each, i) =>
            each.StopReason == StopReason.StopText && !stopped[i] ? each with { StopReason = StopReason.MaxTokens } : each).ToList();
        var first = 0;
        foreach (var job in jobs)
        {
            job.Result.TrySetResult(results.GetRange(first, job.Prompts.Count));
            first += job.Prompts.Count;
        }
    }
}
