using Cuvee.Configuration;
using Cuvee.Formats.Peft;
using Cuvee.Journaling;
using Cuvee.Merging.Materialization;
using Cuvee.Planning;
using Cuvee.Providers;

namespace Cuvee.Runs;

/// <summary>
/// Writes the merged model in the form that servers take: by default bf16 at the smallest rank whose loss, measured again on what was
/// written, is within <see cref="OutputSettings.Tolerance"/> of the exact merge's; where nothing can be measured, at the exact rank.
/// </summary>
/// <param name="control">Pays for the measurements.</param>
internal sealed class ResultOutput(RunPlan plan, IProviderSession session, CandidateEvaluator evaluator, Account control)
{
    public const string CheckpointFolder = "checkpoint";
    private const string AdapterName = "merged";

    private readonly RecordSource source = new(RunRecords.Validation, plan.Validation);

    // Ranks that vLLM can be started with (--max-lora-rank).
    private static readonly int[] ServedRanks = [8, 16, 32, 64, 128, 256, 320, 512];

    /// <returns>Null where the provider has no weights.</returns>
    public async Task<WrittenModel?> WriteAsync(RunResult result, CancellationToken cancellationToken)
    {
        var (output, capabilities) = (plan.Configuration.Output, plan.Configuration.Provider.Capabilities);
        if (!capabilities.WholeModels && session.Weights is null) return null;
        if (output.Format == OutputFormat.Folded || capabilities.WholeModels)
        {
            var folder = Path.Combine(plan.Out, CheckpointFolder);
            Replace(folder, temporary => session.WriteFolded(temporary, result.Recipe, output.Type, cancellationToken));
            var written = capabilities.WholeModels ? await LossOfAsync(result, folder, 0, cancellationToken).ConfigureAwait(false) : null;
            return new WrittenModel("folded", output.Type, null, 0, written, result.ValidationLoss);
        }

        var merger = session.Weights!;
        var builder = new MergedAdapterBuilder(merger);
        // The exact merge's loss is the result's own: in fp32 it would take gigabytes to write it and measure it again.
        var (exactRank, exactLoss) = (builder.ExactRank(result.Recipe), result.ValidationLoss);
        IEnumerable<int> ranks = output.Rank is { } asked
            ? [asked]
            : [.. ServedRanks.Where(rank => rank < exactRank && rank <= session.LargestMeasuredRank), exactRank];
        foreach (var rank in ranks)
        {
            var candidate = builder.Build(result.Recipe, AdapterName, rank < exactRank ? rank : null);
            var loss = await MeasureAsync(result, candidate.Adapter, rank, cancellationToken).ConfigureAwait(false);
            var isLast = rank >= exactRank || output.Rank is not null;
            if (!isLast && !(loss <= exactLoss * (1 + OutputSettings.Tolerance))) continue;
            PeftWriter.Write(plan.Out, candidate.Adapter, output.Type);
            return new WrittenModel("peft", output.Type, candidate.Adapter.Config.Rank, candidate.DroppedShare, loss, exactLoss);
        }

        throw new InvalidOperationException("The exact rank is always written.");
    }

    /// <summary>Loss of the files themselves, rounding included, on all validation records; null where the provider cannot.</summary>
    private async Task<double?> MeasureAsync(RunResult result, PeftAdapter adapter, int rank, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(plan.Out, $".{AdapterName}.tmp");
        Remove(folder); // a killed process's
        try
        {
            PeftWriter.Write(folder, adapter, plan.Configuration.Output.Type);
            return await LossOfAsync(result, folder, rank, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Remove(folder);
        }
    }

    /// <param name="rank">That the adapter was written for, another for each; 0: no adapter.</param>
    private async Task<double?> LossOfAsync(RunResult result, string folder, int rank, CancellationToken cancellationToken)
    {
        if (await session.RealizeWrittenAsync(folder, cancellationToken).ConfigureAwait(false) is not { } lease) return null;
        await using (lease)
        {
            var key = new QuestionKey(Verdicts.Stage, EvaluationPurpose.Written, result.Stages[^1].Iterations, rank);
            var type = plan.Configuration.Output.Type.ToString().ToLowerInvariant();
            var name = rank == 0 ? $"checkpoint {type}" : $"rank {rank} {type}";
            var question = new Question(key, result.Recipe, source, source.All, plan.Configuration.Objective)
            {
                Subject = name,
                Written = new WrittenForm(name, lease),
            };
            return (await evaluator.EvaluateAsync([question], control, cancellationToken).ConfigureAwait(false))[0].Loss;
        }
    }

    private static void Replace(string folder, Action<string> write)
    {
        var temporary = $"{folder}.tmp";
        Remove(temporary); // a killed process's
        try
        {
            write(temporary);
            Remove(folder);
            Directory.Move(temporary, folder);
        }
        finally
        {
            Remove(temporary);
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }
}
