using System.CommandLine;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.Merging;

namespace Cuvee.Cli;

/// <summary>Which model a command asks: <c>--model DIR [--adapter DIR | --pool DIR --recipe FILE]</c>.</summary>
internal sealed class ModelSelection
{
    private readonly Option<string> model = ModelOption();
    private readonly Option<string?> adapter = new("--adapter")
    {
        Description = "Folder of a PEFT LoRA adapter, applied at weight 1.",
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

    public static Option<string> ModelOption() => new("--model")
    {
        Description = "Folder of the base model (config.json, model.safetensors, tokenizer.json).",
        HelpName = "DIR",
        Required = true,
    };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[model, adapter, pool, recipe]) command.Options.Add(option);
        command.Validators.Add(arguments =>
        {
            bool Given(Option option) => arguments.GetResult(option) is not null;
            if (Given(adapter) && (Given(pool) || Given(recipe)))
                arguments.AddError("Choose --adapter, or --pool with --recipe, not both.");
            else if (Given(pool) != Given(recipe))
                arguments.AddError(Given(pool) ? "--pool needs --recipe." : "--recipe needs --pool.");
        });
    }

    /// <summary>Dispose the result; it owns the base model's threads too.</summary>
    public EmbeddedModel Load(ParseResult arguments)
    {
        var loaded = LoadBase(arguments.GetRequiredValue(model));
        try
        {
            if (arguments.GetValue(adapter) is { } adapterFolder)
                return AdaptedModel.Create(loaded, PeftReader.Read(adapterFolder, Warnings(arguments)));
            return arguments.GetValue(recipe) is { } recipeFile
                ? WithRecipe(loaded, AdapterPool.Load(arguments.GetValue(pool)!, options: Warnings(arguments)), recipeFile)
                : loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    public static Tokenizer LoadTokenizer(string modelFolder)
    {
        var path = Path.Combine(modelFolder, "tokenizer.json");
        return File.Exists(path)
            ? Tokenizer.Load(path)
            : throw new BadInputException($"{path}: the file is missing; name the folder of a Hugging Face model that has one.");
    }

    /// <summary>Passes what a reader accepted with a doubt to the error stream.</summary>
    public static PeftReaderOptions Warnings(ParseResult arguments)
    {
        var error = arguments.InvocationConfiguration.Error;
        return new PeftReaderOptions { Warn = sentence => error.WriteLine("warning: " + sentence) };
    }

    private static EmbeddedModel LoadBase(string folder)
    {
        if (!Directory.Exists(folder))
            throw new BadInputException($"{folder}: there is no such folder; name the folder of a Hugging Face model.");
        var tokenizer = LoadTokenizer(folder);
        var config = HuggingFaceModelReader.ReadConfig(folder);
        if (config.EosTokenIds.Count == 0)
        {
            throw new BadInputException(
                $"{Path.Combine(folder, "config.json")}: 'eos_token_id' is missing; every completion is closed by it, so set it.");
        }

        if (tokenizer.VocabSize > config.VocabSize)
        {
            throw new BadInputException(
                $"{folder}: tokenizer.json has {tokenizer.VocabSize} tokens but config.json's 'vocab_size' is {config.VocabSize}; " +
                "use files of one model.");
        }

        return new EmbeddedModel(
            LlamaWeights.FromTensors(config, HuggingFaceModelReader.ReadWeights(folder, config)), tokenizer);
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
