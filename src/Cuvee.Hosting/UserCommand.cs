using System.Diagnostics;
using Cuvee.LanguageModels;

namespace Cuvee.Hosting;

/// <summary>A program of the user's, started without a shell.</summary>
/// <param name="command">Program and first arguments, at least one.</param>
/// <param name="folder">Where it runs.</param>
/// <param name="limit">How long a call may take; null: for ever.</param>
public sealed class UserCommand(IReadOnlyList<string> command, string folder, CommandLimit? limit = null)
{
    /// <summary>The program's name, as given.</summary>
    public string Name => command[0];

    /// <summary>Files beside the run file that the command names, such as a script: what it does depends on them.</summary>
    /// <returns>As named, and where they are.</returns>
    public IReadOnlyList<(string Name, string Path)> Files =>
    [
        .. command.Distinct().Select(part => (Name: part, Path: Beside(part))).Where(part => File.Exists(part.Path)),
    ];

    /// <param name="last">The last argument.</param>
    /// <param name="input">Standard input; null: none.</param>
    /// <returns>Standard output.</returns>
    /// <exception cref="LanguageModelException">It cannot be started, fails or takes too long.</exception>
    public async Task<string> RunAsync(string last, string? input, CancellationToken cancellationToken)
    {
        // A program with a path lies beside the run file, wherever Cuvee was started; the working folder does not decide that.
        var program = Name.Contains('/', StringComparison.Ordinal) ? Beside(Name) : Name;
        using var process = Start(new ProcessStartInfo(program, [.. command.Skip(1), last])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = input is not null,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
        using var late = limit is null ? new CancellationTokenSource() : new CancellationTokenSource(limit.Duration, limit.Time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            var (output, error) = (
                process.StandardOutput.ReadToEndAsync(stop.Token), process.StandardError.ReadToEndAsync(stop.Token));
            if (input is not null) await WriteAsync(process, input, stop.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(stop.Token).ConfigureAwait(false);
            var said = (await error.ConfigureAwait(false)).Trim().Split('\n')[^1];
            return process.ExitCode == 0
                ? await output.ConfigureAwait(false)
                : throw new LanguageModelException($"'{Name}' ended with exit code {process.ExitCode} ({said.TrimEnd('.')}).");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            throw new LanguageModelException($"'{Name}' took longer than {limit!.Duration.TotalSeconds:0.###} s and was stopped.");
        }
    }

    private string Beside(string part) => Path.GetFullPath(part, Path.GetFullPath(folder));

    // A program that ends before it has read everything is judged by its exit code.
    private static async Task WriteAsync(Process process, string input, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
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

/// <summary>How long a call may take, by which clock.</summary>
public sealed record CommandLimit(TimeSpan Duration, TimeProvider Time);
