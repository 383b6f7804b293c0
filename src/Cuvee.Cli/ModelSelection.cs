using System.CommandLine;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.LanguageModels.Chat;
using Cuvee.Merging;

namespace Cuvee.Cli;

/// <summary>Which model a command asks: <c>--model DIR [--adapter DIR | --pool DIR --recipe FILE]</c>.</summary>
internal sealed class ModelSelection
{
    private readonly Option<string> model = ModelOption();
    private readonly Option<string?> adapter = new("--adapter")
    {
        Description = "Folder of a PEFT LoRA adapter, or a .gguf adapter, applied at weight 1.",
        HelpName = "DIR",
    };
    private readonly Option<string?> pool = new("--pool")
    {
        Description = "Folder of adapters, one a sub-folder; with --recipe.",
        HelpName = "DIR",
    };
    private readonly Option<string?> recipe = new("--recipe")
    {
        Description = "Weights of the pool's adapters or a merge method, a recipe.json.",
        HelpName = "FILE",
    };

    private readonly Option<bool> allowDifferentBases = AllowDifferentBasesOption();

    private readonly TextSelection text = new();

    public static Option<bool> AllowDifferentBasesOption() => new("--allow-different-bases")
    {
        Description = "Accept a pool whose adapters name base models that do not look like copies of one.",
    };

    public static Option<string> ModelOption() => new("--model")
    {
        Description = "Folder of the base model (config.json, model.safetensors, tokenizer.json), or a .gguf file.",
        HelpName = "DIR",
        Required = true,
    };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[model, adapter, pool, recipe, allowDifferentBases]) command.Options.Add(option);
        text.AddTo(command);
        command.Validators.Add(arguments =>
        {
            bool Given(Option option) => arguments.GetResult(option) is not null;
            if (Given(adapter) && (Given(pool) || Given(recipe)))
                arguments.AddError("Choose --adapter, or --pool with --recipe, not both.");
            else if (Given(pool) != Given(recipe))
                arguments.AddError(Given(pool) ? "--pool needs --recipe." : "--recipe needs --pool.");
        });
    }

    /// <summary>Dispose the model; it owns the base model's threads too.</summary>
    /// <param name="data">The command's records, which decide about the template; null where there are none.</param>
    public (EmbeddedModel Model, ChatTemplate Template) Load(ParseResult arguments, string? data = null)
    {
        var folder = ModelFolder.Open(arguments.GetRequiredValue(model));
        var rules = text.Choose(arguments, folder.Chat, data);
        if (rules.Origin is { } origin)
            arguments.InvocationConfiguration.Error.WriteLine($"template {rules.Template.Name}, recognised in {origin}");
        return (Adapt(arguments, folder.Load(rules: rules), Reading(arguments) with { Base = folder.Config }), rules.Template);
    }

    private EmbeddedModel Adapt(ParseResult arguments, EmbeddedModel loaded, PeftReaderOptions reading)
    {
        try
        {
            if (arguments.GetValue(adapter) is { } adapterFolder)
                return AdaptedModel.Create(loaded, AdapterReader.Read(adapterFolder, reading));
            return arguments.GetValue(recipe) is { } recipeFile
                ? WithRecipe(
                    loaded,
                    AdapterPool.Load(
                        arguments.GetValue(pool)!, allowDifferentBases: arguments.GetValue(allowDifferentBases), options: reading),
                    recipeFile)
                : loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>Passes what a reader accepted with a doubt to the error stream.</summary>
    public static PeftReaderOptions Reading(ParseResult arguments) => new() { Warn = Warn(arguments) };

    public static Action<string> Warn(ParseResult arguments)
    {
        var error = arguments.InvocationConfiguration.Error;
        return sentence => error.WriteLine("warning: " + sentence);
    }

    private static EmbeddedModel WithRecipe(EmbeddedModel loaded, AdapterPool adapters, string recipeFile)
    {
        var parsed = RecipeJson.Read(recipeFile);
        try
        {
            return AdaptedModel.Create(loaded, adapters, parsed);
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"{recipeFile}: {exception.Message}", exception);
        }
    }
}
