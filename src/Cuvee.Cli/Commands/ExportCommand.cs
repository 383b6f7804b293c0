using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Hosting.LlamaCpp;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;
using Cuvee.Numerics;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee export</c>: a model as one GGUF file, or a pool as one file an adapter, which is what llama.cpp reads.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var model = ModelSelection.ModelOption();
        var pool = new Option<string?>("--pool")
        {
            Description = "Write the adapters of this folder instead of the model, for one llama-server that merges them.",
            HelpName = "DIR",
        };
        var keepFractions = new Option<double[]>("--keep-fraction")
        {
            Description = "With --pool: write every adapter pruned to this part of each LoraA, too; several may be given.",
            HelpName = "X",
            AllowMultipleArgumentsPerToken = true,
        };
        var output = new Option<string>("--out")
        {
            Description = "File to write, FILE.gguf; with --pool the folder.",
            HelpName = "FILE",
            Required = true,
        };
        var dtype = new Option<string>("--dtype")
        {
            Description = "Type of the matrices; norms and biases stay f32.",
            DefaultValueFactory = _ => "f32",
        };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16", "q8_0");
        var allowDifferentBases = ModelSelection.AllowDifferentBasesOption();
        var force = new Option<bool>("--force") { Description = "Replace what is there." };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "export",
            "Write a model as one GGUF file for llama.cpp, or a pool of adapters. A merged adapter: cuvee apply --format gguf.",
            "cuvee export --model zoo/base --out runs/base.gguf",
            "cuvee export --model zoo/base --out runs/base-q8_0.gguf --dtype q8_0",
            "cuvee export --model zoo/base --pool zoo/adapters --out runs/pool")
            { model, pool, keepFractions, output, dtype, allowDifferentBases, force, json };
        command.Validators.Add(arguments =>
        {
            var problem = (arguments.GetValue(pool), arguments.GetValue(keepFractions)) switch
            {
                (null, { Length: > 0 }) => "--keep-fraction prunes adapters; it needs --pool.",
                (_, { } fractions) when fractions.Any(fraction => !(fraction > 0 && fraction < 1)) =>
                    $"--keep-fraction is {fractions.First(fraction => !(fraction > 0 && fraction < 1))}; it must lie between 0 and 1.",
                (not null, _) when arguments.GetValue(dtype) == "q8_0" => "--dtype q8_0 is for models; adapters are f32, bf16 or f16.",
                _ => null,
            };
            if (problem is not null) arguments.AddError(problem);
        });
        command.SetAction(arguments =>
        {
            var (target, type) = (arguments.GetRequiredValue(output), arguments.GetValue(dtype)!);
            var source = ModelFolder.Open(arguments.GetRequiredValue(model));
            long bytes;
            string summary;
            if (arguments.GetValue(pool) is { } folder)
            {
                var adapters = AdapterPool.Load(
                    folder, allowDifferentBases: arguments.GetValue(allowDifferentBases),
                    options: ModelSelection.Reading(arguments) with { Base = source.Config });
                double[] fractions = [1, .. arguments.GetValue(keepFractions)!.Distinct().OrderDescending()];
                new OutputFolder(target, arguments.GetValue(force)).Write(temporary => GgufPool.Write(
                    temporary, adapters, source.Config, fractions, Format(type), ServedAdapters.FileName));
                bytes = Directory.GetFiles(target).Sum(path => new FileInfo(path).Length);
                summary = $"{target}: {adapters.Adapters.Count * fractions.Length} adapter files, {bytes / 1e6:0.0} MB";
            }
            else
            {
                Export(source, target, Format(type), arguments.GetValue(force), ModelSelection.Warn(arguments));
                bytes = new FileInfo(target).Length;
                summary = $"{target}: {bytes / 1e6:0.0} MB";
            }

            arguments.InvocationConfiguration.Output.WriteLine(arguments.GetValue(json)
                ? JsonOutput.Line(new { Out = target, Dtype = type, Bytes = bytes })
                : summary);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Export(ModelFolder source, string target, StorageFormat format, bool replaces, Action<string> warn)
    {
        if (!ModelFolder.IsGgufPath(target))
            throw new BadInputException($"{target}: is no name of a GGUF file; name a FILE.gguf for --out.");
        if (File.Exists(target) && !replaces)
            throw new BadInputException($"{target}: the file is there already; choose another --out, or add --force to replace it.");
        if (Path.GetDirectoryName(Path.GetFullPath(target)) is { } folder) Directory.CreateDirectory(folder);
        source.ExportGguf(target, format, warn);
    }

    private static StorageFormat Format(string dtype) => dtype switch
    {
        "f32" => StorageFormat.F32,
        "bf16" => StorageFormat.BF16,
        "f16" => StorageFormat.F16,
        _ => StorageFormat.Q80,
    };
}
