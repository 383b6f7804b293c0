using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;
using Cuvee.Numerics;

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
            Description = "peft: one adapter; gguf: the same for llama.cpp, as adapter.gguf; folded: a checkpoint without adapters.",
            DefaultValueFactory = _ => "peft",
        };
        format.AcceptOnlyFromAmong("peft", "gguf", "folded");
        var model = new Option<string?>("--model")
        {
            Description = "The base model; needed for --format gguf and folded, and where the pool holds .gguf adapters.",
            HelpName = "DIR",
        };
        var rank = new Option<int?>("--rank")
        {
            Description = "Largest rank of the adapter; without it the result is exact.",
            HelpName = "N",
        };
        var dtype = new Option<string>("--dtype") { Description = "Type of the stored numbers.", DefaultValueFactory = _ => "f32" };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16");
        var allowDifferentBases = ModelSelection.AllowDifferentBasesOption();
        var force = new Option<bool>("--force")
        {
            Description = "Write into a folder that is not empty; an adapter there in another format goes, other files stay.",
        };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "apply",
            "Make a recipe into one adapter, PEFT's or llama.cpp's, or fold it into the base model's weights.",
            "cuvee apply --pool zoo/adapters --recipe runs/restaurant-1/recipe.json --out runs/merged",
            "cuvee apply --pool zoo/adapters --recipe runs/restaurant-1/recipe.json --out runs/small --rank 16 --dtype bf16",
            "cuvee apply --pool zoo/adapters --recipe runs/restaurant-1/recipe.json --out runs/lora --format gguf --model zoo/base",
            "cuvee apply --pool zoo/adapters --recipe runs/restaurant-1/recipe.json --out runs/model --format folded --model zoo/base")
            { pool, recipe, output, format, model, rank, dtype, allowDifferentBases, force, json };
        command.Validators.Add(arguments =>
        {
            var form = arguments.GetResult(format)?.Tokens.Select(token => token.Value).FirstOrDefault(); // may be none of the choices
            var problem = (form, arguments.GetValue(model), arguments.GetValue(rank)) switch
            {
                ("folded" or "gguf", null, _) => $"--format {form} needs --model, the base model.",
                ("folded", _, not null) => "--rank bounds an adapter; leave it out with --format folded.",
                (_, _, < 1) => $"--rank is {arguments.GetValue(rank)}; it must be at least 1.",
                _ => null,
            };
            if (problem is not null) arguments.AddError(problem);
        });
        command.SetAction(arguments =>
        {
            var target = new OutputFolder(arguments.GetRequiredValue(output), arguments.GetValue(force));
            // A checkpoint that nobody could load is refused before it is written.
            var baseModel = arguments.GetValue(model) is { } path ? ModelFolder.Open(path) : null;
            var adapters = AdapterPool.Load(
                arguments.GetRequiredValue(pool), allowDifferentBases: arguments.GetValue(allowDifferentBases),
                options: ModelSelection.Reading(arguments) with { Base = baseModel?.Config });
            var input = Input.Read(adapters, arguments.GetRequiredValue(recipe), baseModel);
            var type = Enum.Parse<TensorType>(arguments.GetValue(dtype)!, ignoreCase: true);
            var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(arguments.GetRequiredValue(output))));
            MergedAdapter? merged = null;
            var start = TimeProvider.System.GetTimestamp();
            if (arguments.GetValue(format) == "folded")
            {
                target.Write(temporary => FoldedModel.Write(baseModel!, input.Merger, input.Recipe, temporary, type));
            }
            else
            {
                merged = input.Build(name, arguments.GetValue(rank));
                target.Write(temporary =>
                {
                    if (arguments.GetValue(format) == "peft")
                        PeftWriter.Write(temporary, merged.Adapter, type);
                    else
                        GgufAdapterWriter.Write(
                            Path.Combine(temporary, OutputFolder.GgufAdapter), merged.Adapter, baseModel!.Config, Stored(type));
                });
            }

            var summary = new ApplySummary(
                arguments.GetRequiredValue(output), arguments.GetValue(format)!, arguments.GetValue(dtype)!, input.Recipe, merged,
                TimeProvider.System.GetElapsedTime(start));
            arguments.InvocationConfiguration.Output.WriteLine(arguments.GetValue(json) ? summary.ToJson() : summary.ToText());
            return ExitCode.Done;
        });
        return command;
    }

    private static StorageFormat Stored(TensorType type) => type switch
    {
        TensorType.BF16 => StorageFormat.BF16,
        TensorType.F16 => StorageFormat.F16,
        _ => StorageFormat.F32,
    };

    private sealed record Input(string RecipeFile, RecipeMerger Merger, MergeRecipe Recipe)
    {
        public static Input Read(AdapterPool pool, string recipeFile, ModelFolder? baseModel)
        {
            var recipe = RecipeJson.Read(recipeFile);
            if (pool.HasDora && baseModel is not null)
                pool = pool.On(LlamaWeights.FromTensors(baseModel.Config, baseModel.ReadTensors()).Find); // a tied head is the embedding
            var input = new Input(recipeFile, new RecipeMerger(pool), recipe);
            input.Named(() => input.Merger.Validate(recipe));
            return input;
        }

        public MergedAdapter Build(string name, int? rank)
        {
            MergedAdapter? merged = null;
            Named(() => merged = new MergedAdapterBuilder(Merger).Build(Recipe, name, rank));
            return merged!;
        }

        private void Named(Action work)
        {
            try
            {
                work();
            }
            catch (ArgumentException exception)
            {
                throw new BadInputException($"{RecipeFile}: {exception.Message}", exception);
            }
        }
    }
}
