using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Lab.References;
using Cuvee.Numerics;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab validation-lora</c>: the reference of a user with gradients, as an adapter.</summary>
internal static class ValidationLoraCommand
{
    public static Command Create()
    {
        var model = new Option<string>("--model") { Description = "Base model folder.", Required = true };
        var data = new Option<string>("--data") { Description = "Validation records (JSON lines).", Required = true };
        var output = new Option<string>("--out") { Description = "Adapter folder to write; its name is the adapter's.", Required = true };
        var baseName = new Option<string>("--base-name")
        {
            Description = "What the adapter says it was trained on.",
            DefaultValueFactory = _ => "cuvee-zoo-base",
        };
        var seed = new Option<ulong>("--seed") { Description = "Same seed, same bytes.", DefaultValueFactory = _ => 1 };
        var rates = new Option<double[]>("--learning-rates")
        {
            Description = "Learning rates to choose from.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. ValidationTrainedLora.LearningRates],
        };
        var command = new ExampleCommand(
            "validation-lora",
            "Train a LoRA on the validation records (white box), epochs and learning rate chosen on a held-out fifth of them.",
            "cuvee-lab validation-lora --model zoo/base --data validation.jsonl --out lora")
            { model, data, output, baseName, seed, rates };
        command.SetAction((arguments, cancellationToken) =>
        {
            var folder = Path.GetFullPath(arguments.GetRequiredValue(output));
            var records = RecordFile.Read(arguments.GetRequiredValue(data));
            if (records.Count < 2)
                throw new BadInputException($"{arguments.GetRequiredValue(data)}: holds one record; a fifth is held out, so give more.");
            if (arguments.GetRequiredValue(rates).Any(rate => !(rate > 0)))
                throw new BadInputException("--learning-rates must be above 0.");
            using var engine = EmbeddedModel.Load(arguments.GetRequiredValue(model));
            using var team = new ThreadTeam();
            var trained = new ValidationTrainedLora(engine, records, team, TimeProvider.System).Train(
                Path.GetFileName(folder),
                arguments.GetRequiredValue(baseName),
                arguments.GetValue(seed),
                arguments.GetRequiredValue(rates),
                (rate, epoch, loss) => Console.Error.WriteLine($"learning rate {rate}, epoch {epoch}: held-out loss {loss:F4}"),
                cancellationToken);
            PeftWriter.Write(folder, trained.Adapter, TensorType.BF16);
            Console.Error.WriteLine(
                $"{folder}: trained on all {records.Count} records, {trained.Epochs} epochs at learning rate {trained.LearningRate}");
            return Task.FromResult(0);
        });
        return command;
    }
}
