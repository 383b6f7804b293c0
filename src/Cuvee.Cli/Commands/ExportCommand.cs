using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.Numerics;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee export</c>: a model as one GGUF file, which is what llama.cpp reads.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var model = ModelSelection.ModelOption();
        var output = new Option<string>("--out") { Description = "File to write, FILE.gguf.", HelpName = "FILE", Required = true };
        var dtype = new Option<string>("--dtype")
        {
            Description = "Type of the matrices; norms and biases stay f32.",
            DefaultValueFactory = _ => "f32",
        };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16", "q8_0");
        var force = new Option<bool>("--force") { Description = "Replace the file." };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "export",
            "Write a model as one GGUF file for llama.cpp. Adapters: cuvee apply --format gguf.",
            "cuvee export --model zoo/base --out runs/base.gguf",
            "cuvee export --model zoo/base --out runs/base-q8_0.gguf --dtype q8_0") { model, output, dtype, force, json };
        command.SetAction(arguments =>
        {
            var target = arguments.GetRequiredValue(output);
            if (!ModelFolder.IsGgufPath(target)) throw new BadInputException($"{target}: is no name of a GGUF file; name a FILE.gguf for " +
                "--out.");
            if (File.Exists(target) && !arguments.GetValue(force))
                throw new BadInputException($"{target}: the file is there already; choose another --out, or add --force to replace it.");
            if (Path.GetDirectoryName(Path.GetFullPath(target)) is { } folder) Directory.CreateDirectory(folder);
            var source = ModelFolder.Open(arguments.GetRequiredValue(model));
            source.ExportGguf(target, Format(arguments.GetValue(dtype)!), ModelSelection.Warn(arguments));
            var bytes = new FileInfo(target).Length;
            arguments.InvocationConfiguration.Output.WriteLine(arguments.GetValue(json)
                ? JsonOutput.Line(new { Out = target, Dtype = arguments.GetValue(dtype), Bytes = bytes })
                : $"{target}: {bytes / 1e6:0.0} MB");
            return ExitCode.Done;
        });
        return command;
    }

    private static StorageFormat Format(string dtype) => dtype switch
    {
        "f32" => StorageFormat.F32,
        "bf16" => StorageFormat.BF16,
        "f16" => StorageFormat.F16,
        _ => StorageFormat.Q80,
    };
}
