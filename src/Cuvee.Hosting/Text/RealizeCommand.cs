using System.Diagnostics;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Microsoft.Extensions.AI;

namespace Cuvee.Hosting.Text;

/// <summary>
/// A user's own command makes a candidate servable: it gets the path of a recipe.json and prints the name under which the endpoint then
/// serves it. No shell is involved.
/// </summary>
/// <param name="realize">Program and arguments; the path is added.</param>
/// <param name="release">Likewise with the name added, run when a candidate is done with; null: nothing to do.</param>
/// <param name="folder">Where both run.</param>
public sealed class RealizeCommand(IReadOnlyList<string> realize, IReadOnlyList<string>? release, string folder) : IRecipeChoice
{
    /// <exception cref="LanguageModelException">The command cannot be started, fails, or prints no name.</exception>
    public async Task<ChatOptions> ChooseAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        var path = Path.GetTempFileName();
        try
        {
            RecipeJson.Write(path, recipe);
            var printed = await RunAsync(realize, path, cancellationToken).ConfigureAwait(false);
            return printed.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [.., var name]
                ? new ChatOptions { ModelId = name }
                : throw new LanguageModelException($"'{realize[0]}' printed no name; its last line must be the model to ask for.");
        }
        finally
        {
            File.Delete(path);
        }
    }

    public Task ReleaseAsync(ChatOptions choice)
    {
        ArgumentNullException.ThrowIfNull(choice);
        return release is null ? Task.CompletedTask : RunAsync(release, choice.ModelId!, CancellationToken.None);
    }

    private async Task<string> RunAsync(IReadOnlyList<string> command, string last, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(command[0], [.. command.Skip(1), last])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Start(start);
        try
        {
            var (output, error) = (
                process.StandardOutput.ReadToEndAsync(cancellationToken), process.StandardError.ReadToEndAsync(cancellationToken));
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            var said = (await error.ConfigureAwait(false)).Trim().Split('\n')[^1];
            return process.ExitCode == 0
                ? await output.ConfigureAwait(false)
                : throw new LanguageModelException($"'{command[0]}' ended with exit code {process.ExitCode} ({said.TrimEnd('.')}).");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or IOException)
        {
            throw new LanguageModelException($"'{start.FileName}' cannot be started ({exception.Message.TrimEnd('.')}).", exception);
        }
    }
}
