using Cuvee.Formats.Peft;
using Cuvee.Hosting;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Numerics;
using Cuvee.Providers;

namespace Cuvee.Tests.Runs;

/// <summary>
/// A model small enough to reason about: each answer token is a softmax over five classes whose logits move linearly with
/// <c>weight * keep fraction</c> of every adapter. The lowest loss has known signs: <paramref name="pull"/>[i] is how much adapter i helps
/// (negative: harms).
/// </summary>
internal sealed class SoftmaxHost(IReadOnlyList<string> names, IReadOnlyList<double> pull) : IAdapterHost
{
    private const int Classes = 5;

    private int scoredRecords;
    private int inFlight;

    public int ScoredRecords => scoredRecords;

    /// <summary>Leases that were open at the same time, at most.</summary>
    public int MostInFlight { get; private set; }

    /// <summary>Called before every list of records that is really scored.</summary>
    public Action<IReadOnlyList<PromptCompletion>>? Scoring { get; init; }

    /// <summary>Asked before every list of records: true answers the second record, bills two more and fails.</summary>
    public Func<bool>? BreaksAfterOneAnswer { get; init; }

    /// <summary>Waited for before every list of records.</summary>
    public Func<Task>? Delay { get; init; }

    /// <summary>What the model under a recipe says to a prompt; null generates nothing.</summary>
    public Func<WeightedRecipe, string, string>? Answer { get; init; }

    /// <summary>Tokens of every answer, of which only the sum is told; null: 2 to 4, each told.</summary>
    public int? SummedTokens { get; init; }

    public IReadOnlyList<string> AdapterNames => names;

    public IReadOnlySet<MergeSpace> MergeSpaces { get; } = new HashSet<MergeSpace> { MergeSpace.Delta };

    public int MaxConcurrentLeases { get; init; } = 1;

    public ValueTask<IModelLease> RealizeAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        MostInFlight = Math.Max(MostInFlight, Interlocked.Increment(ref inFlight));
        return ValueTask.FromResult<IModelLease>(new Lease(this, (WeightedRecipe)recipe));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public ScoredCompletion Score(WeightedRecipe recipe, PromptCompletion record)
    {
        Interlocked.Increment(ref scoredRecords);
        var random = SeededRandom.Derive(1, record.Prompt + record.Completion);
        var tokens = new float[SummedTokens ?? 2 + random.NextInt32(3)];
        for (var t = 0; t < tokens.Length; t++)
        {
            var logits = new double[Classes];
            for (var c = 0; c < Classes; c++) logits[c] = random.NextGaussian();
            for (var i = 0; i < names.Count; i++)
            {
                // Every adapter draws its noise, so that a recipe without it is the same model as one that gives it weight 0.
                var share = recipe.Adapters.FirstOrDefault(share => share.Name == names[i]);
                var strength = share is null ? 0 : share.Weight * share.KeepFraction;
                for (var c = 0; c < Classes; c++) logits[c] += strength * ((c == 0 ? 2 * pull[i] : 0) + (0.4 * random.NextGaussian()));
            }

            var largest = logits.Max();
            tokens[t] = (float)(logits[0] - largest - Math.Log(logits.Sum(logit => Math.Exp(logit - largest))));
        }

        return new ScoredCompletion(tokens.Sum(token => (double)token), tokens.Length, 4, SummedTokens is null ? tokens : null);
    }

    private sealed class Lease(SoftmaxHost host, WeightedRecipe recipe) : IModelLease, ILanguageModel
    {
        public ILanguageModel Model => this;

        public LanguageModelCapabilities Capabilities => new(true, true, host.Answer is not null, null);

        public async Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
            IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
        {
            if (host.Delay is { } delay) await delay();
            host.Scoring?.Invoke(records);
            if (host.BreaksAfterOneAnswer?.Invoke() == true)
            {
                throw new PartialAnswersException("the connection broke", lost: 2)
                {
                    Scores = new Dictionary<int, ScoredCompletion> { [1] = host.Score(recipe, records[1]) },
                };
            }

            return [.. records.Select(record => host.Score(recipe, record))];
        }

        public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
            IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<GeneratedCompletion>>(
                [.. prompts.Select(prompt => new GeneratedCompletion(host.Answer!(recipe, prompt), 1, StopReason.EndOfSequence))]);

        public ValueTask DisposeAsync()
        {
            Interlocked.Decrement(ref host.inFlight);
            return ValueTask.CompletedTask;
        }
    }
}

/// <param name="weights">Null: a provider that keeps its weights to itself.</param>
internal sealed class SoftmaxSession(SoftmaxHost host, RecipeMerger? weights) : IProviderSession
{
    public IAdapterHost Host => host;

    public RecipeMerger? Weights => weights;

    public IReadOnlyList<string> PoolDoubts => [];

    public int LargestMeasuredRank { get; init; } = int.MaxValue;

    /// <summary>Of the adapters that were written to be measured.</summary>
    public List<int> WrittenRanks { get; } = [];

    public ValueTask<IModelLease?> RealizeWrittenAsync(string adapterFolder, CancellationToken cancellationToken)
    {
        WrittenRanks.Add(PeftReader.Read(adapterFolder).Config.Rank);
        return ValueTask.FromResult<IModelLease?>(null);
    }

    public long Retries => 0;

    public void WriteFolded(
        string folder, MergeRecipe recipe, Formats.Safetensors.TensorType type, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
