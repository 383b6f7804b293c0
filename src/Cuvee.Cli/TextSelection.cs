using System.CommandLine;
using System.CommandLine.Parsing;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.LanguageModels;
using Cuvee.LanguageModels.Chat;

namespace Cuvee.Cli;

/// <summary>How a command's records are written: <c>--template</c> and <c>--completion-end</c>.</summary>
internal sealed class TextSelection
{
    private readonly Option<string?> template = TemplateOption();
    private readonly Option<string> completionEnd = new("--completion-end")
    {
        Description = "What closes a completion: auto (the template's end of turn, else the end-of-sequence token), none or a token.",
        HelpName = "TOKEN",
        DefaultValueFactory = _ => TextRules.Auto,
    };

    public static Option<string?> TemplateOption() => new("--template")
    {
        Description = $"Chat template of prompts: auto (the model's own; the default for records with messages), {ChatTemplates.Names}.",
        HelpName = "NAME",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(template);
        command.Options.Add(completionEnd);
    }

    public bool IsGiven(CommandResult arguments) =>
        arguments.GetResult(template) is not null || arguments.GetResult(completionEnd) is { Implicit: false };

    /// <param name="data">Records; null where a prompt is given as text.</param>
    public TextRules Choose(ParseResult arguments, ModelChat chat, string? data)
    {
        try
        {
            return TextRules.Choose(
                arguments.GetValue(template), arguments.GetRequiredValue(completionEnd),
                data is not null && RecordFile.HoldsConversations(data), chat);
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"--template: {exception.Message}", exception);
        }
    }
}
