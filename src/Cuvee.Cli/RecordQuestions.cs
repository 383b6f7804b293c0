using System.CommandLine;
using Cuvee.Formats;
using Cuvee.LanguageModels;

namespace Cuvee.Cli;

internal static class RecordQuestions
{
    public static Option<string> DataOption() => new("--data")
    {
        Description = "Records: JSON lines or an alpaca JSON array.",
        HelpName = "FILE",
        Required = true,
    };

    /// <summary>
    /// The embedded engine refuses only what was asked (a record too long or empty): bad input of <paramref name="source"/>.
    /// </summary>
    public static async Task<T> AnswerAsync<T>(string source, Task<T> answer)
    {
        try
        {
            return await answer.ConfigureAwait(false);
        }
        catch (LanguageModelException exception)
        {
            throw new BadInputException($"{source}: {exception.Message}", exception);
        }
    }
}
