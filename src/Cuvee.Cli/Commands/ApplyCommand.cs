using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee apply</c>: a recipe made into an adapter or a checkpoint.</summary>
internal static class ApplyCommand
{
    public static Command Create()
    {
        var pool = new Option<string>("--pool")
        {
            Description = "Folder of adapters, one a sub-folder.",
            HelpName = "DIR",
            Required = true,
        };
        var recipe = new Option<string>("--recipe")
        {
            Description = "Weights of the pool's adapters or a merge method, a recipe.json.",
            HelpName = "FILE",
            Required = true,
        };
        var output = new Option<string>("--out") { Description = "Folder to write.", HelpName = "DIR", Required = true };
        var format = new Option<string>("--format")
        {
            Description = "peft: one adapter; folded: a checkpoint without adapters.",
            DefaultValueFactory = _ => "peft",
        };
        format.AcceptOnlyFromAmong("peft", "folded");
        var model = new Option<string?>("--model")
        {
            Description = "Folder of the base model; needed for --format folded.",
            HelpName = "DIR",
        };
        var rank = new Option<int?>("--rank")
        {
            Description = "Largest rank of the adapter; without it the result is exact.",
            HelpName = "N",
        };
        var dtype = new Option<string>("--dtype") { Description = "Type of the stored numbers.", DefaultValueFactory = _ => "f32" };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16");
        var force = new Option<bool>("--force") { Description = "Write into a folder that is not empty; its other files stay." };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "apply",
            "Make a recipe into one PEFT adapter, or fold it into the base model's weights.",
            "cuvee apply --pool zoo/adapters --recipe runs/restaurant-1/recipe.json --out runs/merged",
            "cuvee apply --pool zoo/adapters --recipe runs/restaurant-1/recipe.json --out runs/small --rank 16 --dtype bf16",
            "cuvee apply --pool zoo/adapters --recipe runs/restaurant-1/recipe.json --out runs/model --format folded --model zoo/base")
            { pool, recipe, output, format, model, rank, dtype, force, json };
        command.Validators.Add(arguments =>
        {
            var form = arguments.GetResult(format)?.Tokens.Select(token => token.Value).FirstOrDefault(); // may be none of the choices
            var problem = (form, arguments.GetValue(model), arguments.GetValue(rank)) switch
            {
                ("folded", null, _) => "--format folded needs --model, the folder of the base model.",
                ("folded", _, not null) => "--rank bounds an adapter; leave it out with --format folded.",
                (_, _, < 1) => $"--rank is {arguments.GetValue(rank)}; it must be at least 1.",
                _ => null,
            };
            if (problem is not null) arguments.AddError(problem);
        });
        command.SetAction(arguments =>
        {
            var target = new OutputFolder(arguments.GetRequiredValue(output), arguments.GetValue(force));
            var input = Input.Read(arguments.GetRequiredValue(pool), arguments.GetRequiredValue(recipe), arguments);
            var type = Enum.Parse<TensorType>(arguments.GetValue(dtype)!, ignoreCase: true);
            var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(arguments.GetRequiredValue(output))));
            MergedAdapter? merged = null;
            if (arguments.GetValue(format) == "folded")
            {
                var folder = arguments.GetValue(model)!;
                ModelFolder.Open(folder); // a checkpoint that nobody could load is refused before it is written
                target.Write(temporary => FoldedModel.Write(folder, input.Merger, input.Recipe, temporary, type));
            }
            else
            {
                merged = new MergedAdapterBuilder(input.Merger).Build(input.Recipe, name, arguments.GetValue(rank));
                target.Write(temporary => PeftWriter.Write(temporary, merged.Adapter, type));
            }

            var summary = new ApplySummary(
                arguments.GetRequiredValue(output), arguments.GetValue(format)!, arguments.GetValue(dtype)!, input.Recipe, merged);
            arguments.InvocationConfiguration.Output.WriteLine(arguments.GetValue(json) ? summary.ToJson() : summary.ToText());
            return ExitCode.Done;
        });
        return command;
    }

    private sealed record Input(RecipeMerger Merger, MergeRecipe Recipe)
    {
        public static Input Read(string poolFolder, string recipeFile, ParseResult arguments)
        {
            var recipe = RecipeJson.Read(recipeFile);
            var merger = new RecipeMerger(AdapterPool.Load(poolFolder, options: ModelSelection.Warnings(arguments)));
            try
            {
                merger.Validate(recipe);
            }
            catch (ArgumentException exception)
            {
                throw new BadInputException($"{recipeFile}: {exception.Message}", exception);
            }

            return new Input(merger, recipe);
        }
    }
}
