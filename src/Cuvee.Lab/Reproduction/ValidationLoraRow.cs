using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting.Embedded;
using Cuvee.Lab.References;
using Cuvee.Numerics;

namespace Cuvee.Lab.Reproduction;

/// <summary>A LoRA trained on the validation records: what a user with weights and gradients would do instead of merging.</summary>
internal sealed class ValidationLoraRow(IReadOnlyList<double> learningRates, IReadOnlyList<double> quickRates) : IExperimentRow
{
    private const string AdapterFolder = "adapter";

    public string Key => "lora-validation";

    public string Name => "LoRA trained on the validation records (white box)";

    public ExperimentRowKind Kind => ExperimentRowKind.Reference;

    public bool IsSeeded => true;

    public bool UsesPool => false;

    public string Settings(bool quick) => $"rank {ValidationTrainedLora.Rank}, learning rates {string.Join(' ', Rates(quick))}";

    private IReadOnlyList<double> Rates(bool quick) => quick ? quickRates : learningRates;

    public Task<RowOutcome> RunAsync(RowContext context, CancellationToken cancellationToken)
    {
        var lab = context.Lab;
        var folder = Path.Combine(context.Folder, AdapterFolder);
        if (!Directory.Exists(folder))
        {
            using var team = new ThreadTeam();
            var trained = new ValidationTrainedLora(lab.Model, context.Case.Validation, team, lab.Time).Train(
                AdapterFolder, "", context.Seed, Rates(context.Quick), (_, _, _) => { }, cancellationToken);
            lab.Output.WriteLine(
                $"    {trained.Epochs} epochs at learning rate {trained.LearningRate}, held-out loss {trained.HeldOutLoss:F4}");
            var unfinished = folder + ".tmp";
            PeftWriter.Write(unfinished, trained.Adapter, TensorType.BF16);
            Directory.Move(unfinished, folder);
        }

        var adapter = PeftReader.Read(folder);
        return Task.FromResult(new RowOutcome(
            Name, 0, 0, _ => [RowModel.Of(() => AdaptedModel.Create(lab.Model, adapter))]));
    }
}
