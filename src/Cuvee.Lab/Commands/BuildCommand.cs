using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Lab.Data;
using Cuvee.Lab.Zoo;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab build</c>: tokenizer, base model and specialists of a plan.</summary>
internal static class BuildCommand
{
    public static Command Create()
    {
        var plan = new Argument<string>("plan") { Description = "The zoo's plan, such as zoo/zoo.yaml." };
        var data = new Option<string>("--data") { Description = "Folder of data sets (ner/, re/, event/, classify/).", Required = true };
        var output = new Option<string?>("--out") { Description = "Folder to build into; default: the plan's folder." };
        var work = new Option<string>("--work")
        {
            Description = "Folder for checkpoints.",
            DefaultValueFactory = _ => "artifacts/zoo-work",
        };
        var only = new Option<string[]>("--only")
        {
            Description = "Build only these specialists (and what they stand on).",
            AllowMultipleArgumentsPerToken = true,
        };
        var adopt = new Option<bool>("--adopt")
        {
            Description = "Take over what lies there with the bytes of its provenance: only where the fingerprint's rule changed.",
        };
        var command = new ExampleCommand(
            "build",
            "Build the zoo: skips what is up to date, goes on after a cut.",
            "cuvee-lab build zoo/zoo.yaml --data data",
            "cuvee-lab build zoo/zoo.yaml --data data --only et-mit-movie --out /tmp/zoo") { plan, data, output, work, only, adopt };
        command.SetAction((arguments, cancellationToken) =>
        {
            var path = arguments.GetRequiredValue(plan);
            var folder = arguments.GetValue(output) ?? Path.GetDirectoryName(Path.GetFullPath(path))!;
            var read = ZooPlan.Read(path);
            var names = arguments.GetValue(only) ?? [];
            var unknown = names.FirstOrDefault(n => read.Specialists.All(s => s.Name != n));
            if (unknown is not null) throw new BadInputException($"{path}: no specialist is named {unknown}; see the plan's list.");
            var builder = new ZooBuilder(
                read, DataSetCatalog.Open(arguments.GetRequiredValue(data)), folder,
                arguments.GetRequiredValue(work), TimeProvider.System, Console.Error, arguments.GetValue(adopt));
            builder.Build(names, cancellationToken);
            return Task.FromResult(0);
        });
        return command;
    }
}
