using System.CommandLine;
using System.Text.Json;
using Cuvee.CommandLine;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee generate</c>: continues one prompt.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var selection = new ModelSelection();
        var generation = new GenerationSelection();
        var prompt = new Option<string>("--prompt") { Description = "Text to continue.", HelpName = "TEXT", Required = true };
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "generate",
            "Continue a prompt; prints the completion only.",
            "cuvee generate --model zoo/base --adapter zoo/adapters/ner-snips --prompt \"...\" --max-tokens 64",
            "cuvee generate --model zoo/base --prompt \"...\" --temperature 0.8 --seed 7 --json");
        selection.AddTo(command);
        command.Options.Add(prompt);
        generation.AddTo(command);
        command.Options.Add(json);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var (loaded, template) = selection.Load(arguments);
            using var model = loaded;
            var question = template.Ask(arguments.GetRequiredValue(prompt));
            var answers = await RecordQuestions.AnswerAsync(
                "--prompt", model.GenerateAsync([question], generation.Read(arguments), cancellationToken));
            var answer = answers[0];
            await arguments.InvocationConfiguration.Output.WriteLineAsync(arguments.GetValue(json)
                ? JsonOutput.Line(new
                {
                    Completion = answer.Text,
                    answer.Tokens,
                    StopReason = JsonNamingPolicy.SnakeCaseLower.ConvertName(answer.StopReason.ToString()),
                })
                : answer.Text);
            return ExitCode.Done;
        });
        return command;
    }
}
