using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Numerics;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee fold</c>: a path through the layers of one or several models as an ordinary checkpoint.</summary>
internal static class FoldCommand
{
    private const int CheckedTexts = 4;
    private const int CheckedTokens = 64; // of each text

    public static Command Create()
    {
        var path = new Argument<string>("path.json")
        {
            Description = "The models' folders and the layers in their order: {\"models\": [DIR, ...], " +
                "\"path\": [{\"model\": 0, \"layer\": 3, \"scale\": 0.9}, ...]}.",
        };
        var output = new Option<string>("--out") { Description = "Folder of the checkpoint.", HelpName = "DIR", Required = true };
        var dtype = new Option<string>("--dtype")
        {
            Description = "Type of the written weights; scaled ones are rounded by less than f32.",
            DefaultValueFactory = _ => "f32",
        };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16");
        var force = new Option<bool>("--force") { Description = "Replace files of the same names." };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "fold",
            "Write a path through models' layers (repeated, left out, of another model, inputs scaled) as a checkpoint that any program " +
                "loads as a plain model, and measure how far it is from the path itself.",
            "cuvee fold samples/layer-path.json --out runs/folded",
            "cuvee fold samples/layer-path.json --out runs/folded-bf16 --dtype bf16 --json") { path, output, dtype, force, json };
        command.SetAction((arguments, cancellationToken) =>
        {
            var folder = arguments.GetRequiredValue(output);
            var target = new OutputFolder(folder, arguments.GetValue(force));
            var file = LayerPathFile.Read(arguments.GetRequiredValue(path));
            List<ModelFolder> models = [.. file.Models.Select(ModelFolder.Open)];
            var weights = LayerPath.Join(
                file.File, [.. models.Select(model => LlamaWeights.FromTensors(model.Config, model.ReadTensors()))], file.Steps);
            var tensors = LayerPath.Fold(file.File, weights, cancellationToken).ToList();
            var type = Enum.Parse<TensorType>(arguments.GetValue(dtype)!, ignoreCase: true);
            target.Write(temporary =>
            {
                HuggingFaceModelWriter.Write(temporary, LayerPath.FoldedConfig(weights), tensors, type, maxShardBytes: 2_000_000_000);
                TokenizerFiles.Copy(file.Models[0], temporary);
            });
            var difference = Difference(weights, ModelFolder.Open(folder), cancellationToken);
            arguments.InvocationConfiguration.Output.WriteLine(arguments.GetValue(json)
                ? JsonOutput.Line(new
                {
                    Out = folder,
                    Models = file.Models,
                    Layers = weights.Layers.Count,
                    Dtype = arguments.GetValue(dtype),
                    LargestDifference = difference,
                })
                : $"folded checkpoint: {folder} ({weights.Layers.Count} layers of {file.Models.Count} models; a token's log-probability " +
                    $"differs from the path's by at most {difference:0.0e+0} nats, over {CheckedTexts} texts of random tokens)");
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    /// <returns>Of the log-probabilities of random tokens, in nats.</returns>
    private static double Difference(LlamaWeights path, ModelFolder folded, CancellationToken cancellationToken)
    {
        var random = SeededRandom.Derive(0, "fold");
        var length = Math.Min(CheckedTokens, path.Config.MaxPositionEmbeddings);
        TokenizedRecord[] records = [.. Enumerable.Range(0, CheckedTexts).Select(i => new TokenizedRecord(
            $"{i}", [.. Enumerable.Range(0, length).Select(_ => random.NextInt32(path.Config.VocabSize))], 1))];
        IReadOnlyList<float[]> Scores(LlamaWeights weights)
        {
            using var engine = new LlamaEngine(weights.Config); // each with its own epsilon
            return engine.ScoreTokens(weights, null, records, cancellationToken);
        }

        var (wanted, found) = (Scores(path), Scores(LlamaWeights.FromTensors(folded.Config, folded.ReadTensors())));
        return wanted.Zip(found, (one, other) => one.Zip(other, (a, b) => Math.Abs((double)a - b)).Max()).Max();
    }
}
