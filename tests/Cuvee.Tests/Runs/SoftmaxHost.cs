using Cuvee.Hosting;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Numerics;

namespace Cuvee.Tests.Runs;

/// <summary>
/// A model small enough to reason about: each answer token is a softmax over five classes whose logits move linearly with <c>weight *
/// keep fraction</c> of every
/// adapter. The lowest loss has known signs: <paramref name="pull"/>[i] is how much adapter i helps (negative: harms).
/// </summary>
internal sealed class SoftmaxHost(IReadOnlyList<string> names, IReadOnlyList<double> pull) : IAdapterHost
{
    private const int Classes = 5;

    public int ScoredRecords { get; private set; }

    /// <summary>Called with every list of records that is really scored.</summary>
    public Action<IReadOnlyList<PromptCompletion>>? Scoring { get; init; }

    public IReadOnlyList<string> AdapterNames => names;

    public IReadOnlySet<MergeSpace> MergeSpaces { get; } = new HashSet<MergeSpace> { MergeSpace.Delta };

    public int MaxConcurrentLeases => 1;

    public ValueTask<IModelLease> RealizeAsync(WeightedRecipe recipe, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IModelLease>(new Lease(this, recipe));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ScoredCompletion Score(WeightedRecipe recipe, PromptCompletion record)
    {
        ScoredRecords++;
        var random = SeededRandom.Derive(1, record.Prompt + record.Completion);
        var tokens = new float[2 + random.NextInt32(3)];
        for (var t = 0; t < tokens.Length; t++)
        {
            var logits = new double[Classes];
            for (var c = 0; c < Classes; c++) logits[c] = random.NextGaussian();
            foreach (var share in recipe.Adapters)
            {
                var i = names.ToList().IndexOf(share.Name);
                for (var c = 0; c < Classes; c++)
                    logits[c] += share.Weight * share.KeepFraction * ((c == 0 ? 2 * pull[i] : 0) + (0.4 * random.NextGaussian()));
            }

            var largest = logits.Max();
            tokens[t] = (float)(logits[0] - largest - Math.Log(logits.Sum(logit => Math.Exp(logit - largest))));
        }

        return new ScoredCompletion(tokens.Sum(token => (double)token), tokens.Length, 4, tokens);
    }

    private sealed class Lease(SoftmaxHost host, WeightedRecipe recipe) : IModelLease, ILanguageModel
    {
        public ILanguageModel Model => this;

        public LanguageModelCapabilities Capabilities => new(true, true, false, null);

        public Task<IReadOnlyList<ScoredCompletion>> ScoreAsync(
            IReadOnlyList<PromptCompletion> records, CancellationToken cancellationToken)
        {
            host.Scoring?.Invoke(records);
            return Task.FromResult<IReadOnlyList<ScoredCompletion>>([.. records.Select(record => host.Score(recipe, record))]);
        }

        public Task<IReadOnlyList<GeneratedCompletion>> GenerateAsync(
            IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
