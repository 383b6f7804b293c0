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
/// <param name="releaseLimit">Of <paramref name="release"/>, which no Ctrl-C ends; null: none.</param>
public sealed class RealizeCommand(
    IReadOnlyList<string> realize, IReadOnlyList<string>? release, string folder, CommandLimit? releaseLimit = null) : IRecipeChoice
{
    /// <exception cref="LanguageModelException">The command cannot be started, fails, or prints no name.</exception>
    public async Task<ChatOptions> ChooseAsync(MergeRecipe recipe, CancellationToken cancellationToken)
    {
        var path = Path.GetTempFileName();
        try
        {
            RecipeJson.Write(path, recipe);
            var printed = await new UserCommand(realize, folder).RunAsync(path, input: null, cancellationToken).ConfigureAwait(false);
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
        return release is null
            ? Task.CompletedTask
            : new UserCommand(release, folder, releaseLimit).RunAsync(choice.ModelId!, input: null, CancellationToken.None);
    }
}
