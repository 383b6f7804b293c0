using Spectre.Console;

namespace Cuvee.Cli;

/// <summary>Spectre.Console on a command's output or error stream.</summary>
internal static class PeopleConsole
{
    // A log or a pipe has no width; tables must not be broken there.
    private const int UnlimitedWidth = 240;

    public static IAnsiConsole For(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        if (!console.Profile.Out.IsTerminal) console.Profile.Width = UnlimitedWidth;
        return console;
    }

    /// <summary>True where lines may be redrawn: a terminal with a person before it, no log of a build server.</summary>
    public static bool IsLive(IAnsiConsole console) =>
        console.Profile is { Out.IsTerminal: true, Capabilities: { Ansi: true, Interactive: true } };
}
