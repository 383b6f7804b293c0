using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;

namespace Cuvee.CommandLine;

/// <summary>
/// Runs a command line under the project's rules: exit codes of <see cref="ExitCode"/>, errors of one line on the error stream, stack
/// traces only with <c>--verbose</c>, the first Ctrl-C cancels and the second ends the process.
/// </summary>
public static class CommandRunner
{
    // Prompts may start with "@", which the library would read as the name of a file of arguments.
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    /// <param name="root">A command that is named like the program; it gets <c>--help</c>, <c>--version</c>,
    /// <c>--verbose</c> and <c>completion</c>.</param>
    public static Task<int> RunAsync(Command root, IReadOnlyList<string> args) =>
        RunAsync(root, args, Console.Out, Console.Error, CancellationToken.None);

    /// <param name="output">What commands write results to.</param>
    /// <param name="error">What errors, progress and remarks go to.</param>
    public static async Task<int> RunAsync(
        Command root, IReadOnlyList<string> args, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(root);
        var verbose = new Option<bool>("--verbose") { Description = "Show the stack trace of an error.", Recursive = true };
        root.Options.Add(new HelpOption { Action = new ExampleHelpAction() });
        root.Options.Add(new VersionOption());
        root.Options.Add(verbose);
        root.Subcommands.Add(CompletionCommand.Create(root.Name));
        if (CompletionCommand.IsQuestion(args))
        {
            foreach (var suggestion in CompletionCommand.Answer(root, args, Parsing))
                await output.WriteLineAsync(suggestion).ConfigureAwait(false);
            return ExitCode.Done;
        }

        var parsed = root.Parse(args, Parsing);
        if (parsed.Errors.Count > 0)
        {
            await error.WriteLineAsync(UsageError(parsed)).ConfigureAwait(false);
            return ExitCode.BadInput;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        void Stop(PosixSignalContext signal)
        {
            if (parsed.Action is SynchronousCommandLineAction) Environment.Exit(ExitCode.Stopped); // it looks at no token
            signal.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            var invocation = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = output,
                Error = error,
            };
            return await parsed.InvokeAsync(invocation, stop.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            var isStop = exception is OperationCanceledException && stop.IsCancellationRequested;
            var message = isStop && exception is not StoppedException ? "Stopped." : OneLine(exception.Message);
            await error.WriteLineAsync(parsed.GetValue(verbose) ? exception.ToString() : message).ConfigureAwait(false);
            return isStop ? ExitCode.Stopped : IsBadInput(exception) ? ExitCode.BadInput : ExitCode.Failed;
        }
    }

    /// <summary>Every reader's refusal derives from <see cref="FormatException"/>; the runtime's own is a mistake of ours.</summary>
    private static bool IsBadInput(Exception exception) =>
        (exception is FormatException && exception.GetType() != typeof(FormatException)) ||
        exception is FileNotFoundException or DirectoryNotFoundException;

    private static string UsageError(ParseResult parsed)
    {
        // The word that nobody knows explains more than what is missing because of it.
        var message = parsed.UnmatchedTokens.Count > 0 && parsed.CommandResult.Command.TreatUnmatchedTokensAsErrors
            ? $"'{parsed.UnmatchedTokens[0]}' is no command or option here"
            : OneLine(parsed.Errors[0].Message).TrimEnd('.');
        var path = new List<string>();
        for (var symbol = parsed.CommandResult; symbol is not null; symbol = symbol.Parent as System.CommandLine.Parsing.CommandResult)
            path.Insert(0, symbol.Command.Name);
        return $"{message}; see \"{string.Join(' ', path)} --help\".";
    }

    /// <summary>The library lists accepted values one a line, and some readers pass on messages of several lines.</summary>
    private static string OneLine(string message) => string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
